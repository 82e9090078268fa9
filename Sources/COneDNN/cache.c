/// Plans by key: a hash table with chains, and a list by last use that says which to drop.

#include <string.h>

#include "context.h"

static uint64_t hash_key(const od_key *key) {
  uint64_t hash = 0x9e3779b97f4a7c15u;
  for (int i = 0; i < OD_KEY_WORDS; i++) {
    hash = (hash ^ (uint64_t)key->words[i]) * 0xff51afd7ed558ccdu;
    hash ^= hash >> 32;
  }
  return hash;
}

static od_plan **bucket(od_context *context, uint64_t hash) {
  return &context->buckets[hash % OD_CACHE_BUCKETS];
}

static void link_newest(od_context *context, od_plan *plan) {
  plan->newer = NULL;
  plan->older = context->newest;
  if (context->newest) context->newest->newer = plan;
  context->newest = plan;
  if (!context->oldest) context->oldest = plan;
}

static void unlink_use(od_context *context, od_plan *plan) {
  *(plan->newer ? &plan->newer->older : &context->newest) = plan->older;
  *(plan->older ? &plan->older->newer : &context->oldest) = plan->newer;
}

static void drop(od_context *context, od_plan *plan) {
  od_plan **link = bucket(context, plan->hash);
  while (*link != plan) link = &(*link)->next_in_bucket;
  *link = plan->next_in_bucket;
  unlink_use(context, plan);
  context->statistics.held--;
  od_plan_destroy(plan);
}

od_plan *od_plan_find(const od_key *key) {
  od_context *context = od_context_current();
  if (!context) return NULL;
  uint64_t hash = hash_key(key);
  for (od_plan *plan = *bucket(context, hash); plan; plan = plan->next_in_bucket) {
    if (plan->hash != hash || memcmp(&plan->key, key, sizeof *key) != 0) continue;
    if (plan != context->newest) {
      unlink_use(context, plan);
      link_newest(context, plan);
    }
    context->statistics.hits++;
    return plan;
  }
  return NULL;
}

void od_cache_insert(od_context *context, od_plan *plan) {
  if (context->statistics.held == OD_CACHE_CAPACITY) drop(context, context->oldest);
  plan->hash = hash_key(&plan->key);
  od_plan **first = bucket(context, plan->hash);
  plan->next_in_bucket = *first;
  *first = plan;
  link_newest(context, plan);
  context->statistics.held++;
  context->statistics.misses++;
}

void od_cache_clear(od_context *context) {
  while (context->oldest) drop(context, context->oldest);
}
