-- The losses that need no operation of their own.
local qs = require "qscript"
local declare = require "declare"

declare{
  "qs.losses.nll",
  "The mean of minus the logarithm of the probability of each target.",
  { "log_probabilities", "tensor", "[N, classes], from log_softmax" },
  { "targets", "tensor", "[N], i64, classes from 0" },
  returns = "tensor",
  function(log_probabilities, targets)
    return -log_probabilities:gather(2, targets:unsqueeze(2)):mean()
  end,
}

-- Written with clamp so that a probability of 0 adds 0, as p log p does in the limit.
declare{
  "qs.losses.kl",
  "The Kullback-Leibler divergence sum p (log p - log q), averaged over the rows.",
  { "log_q", "tensor", "[N, classes], logarithms, from log_softmax: what is to come near p" },
  { "p", "tensor", "[N, classes], probabilities" },
  returns = "tensor",
  function(log_q, p) return (p * (p:clamp(1e-30):log() - log_q)):sum(2):mean() end,
}
