#!/usr/bin/env python3
"""Writes Tests/Golden/tokenizers: small tokenizers of every kind, and what Hugging Face's `tokenizers` makes of odd text.

    golden_tokenizers.py [--train] [--cases N] [--seed N] [--minilm TOKENIZER_JSON]

Made with tokenizers 0.23.3, 60 cases a tokenizer. --train makes new tokenizers, from the documentation as it is then;
else those that are there are asked. With --minilm the cases of that tokenizer are written too (its file is
not ours to keep; the test looks for it in the shared data).
"""
import argparse
import json
import pathlib
import random

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

parser = argparse.ArgumentParser()
parser.add_argument("--cases", type=int, default=60)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--minilm")
parser.add_argument("--train", action="store_true")
options = parser.parse_args()

root = pathlib.Path(__file__).resolve().parents[2]
golden = root / "Tests" / "Golden" / "tokenizers"
golden.mkdir(parents=True, exist_ok=True)

odd = [
    "", " ", "Hello, world!", "  two  spaces and\ttabs\r\n ", "don't you'll we've I'm 'tis they'd it's 'LL",
    "naïve café ÅNGSTRÖM Straße İstanbul ΑΣΟΣ", "e\u0301 vs \u00e9, a\u0308\u0323", "日本語とEnglish混ぜる。中文",
    "한국어 텍스트", "👩‍👩‍👧 😀 flags 🇩🇪", "zero\u200bwidth\u200djoin\ufeff", "nul\x00bel\x07del\x7f esc\x1b",
    "\u2028line\u2029sep\u00a0nbsp\u3000wide", "1234567890 3.14 1,000 ½ Ⅷ ٣", "http://a.b/c?d=e&f#g user@x.org",
    "x" * 150, "[CLS] [MASK] [SEP]", "a [MASK]b <mask> c<mask>d </s>", "!!! ... ??? -- __ ~~", "\ufffd\ufffd",
    "ﬁ ﬂ Ⅻ ℌ", "हिन्दी नमस्ते", "שָׁלוֹם", "مرحبا", "\U0001d400\U0001d401 \U0002000b", "  \n\n\n  a", "a\n", "tail   ",
    "CamelCaseWordsAndsnake_case", "aaaaaaaaaaaaaaaaaaaaaaaaa", "\u0301start", "$5.00 + 10% = <b>",
]


def corpus():
    for name in ["docs/architecture.md", "README.md"]:
        yield from (root / name).read_text().splitlines()
    yield from odd * 3


def random_text(generator):
    pools = [
        "abcdefghijklmnopqrstuvwxyz", "ABCÄÖÜßéèñçøåİı", " ", " \t\n\u00a0\u2003", "0123456789٣½", ".,;:!?'\"()-_/",
        "日本語中文漢字", "かなカナ", "\u0301\u0308\u0327\u200d\u200b\ufeff\x00\x1f\ufffd", "😀👍🏽🇩🇪", "한글텍스트", "αβγΣς", "$+<=>^`|~",
    ]
    weights = [12, 2, 6, 1, 2, 3, 1, 1, 1, 1, 1, 1, 1]
    words = ["the", "engine", "don't", "it's", "[MASK]", "<mask>", "training", "graph", "'s", "tokens"]
    parts = []
    for _ in range(generator.randint(1, 30)):
        if generator.random() < 0.15:
            parts.append(generator.choice(words))
        else:
            parts.append(generator.choice(generator.choices(pools, weights)[0]))
        if generator.random() < 0.01:
            point = generator.randint(0x20, 0x1FFFF)
            parts.append(chr(point) if not 0xD800 <= point < 0xE000 else "?")
    return "".join(parts)


def wordpiece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(corpus(), trainers.WordPieceTrainer(vocab_size=500, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def byte_level(prefix):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def gpt2():
    return byte_level(False)


def roberta():
    from tokenizers import AddedToken

    tokenizer = byte_level(True)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.add_tokens([AddedToken("graph", single_word=True), AddedToken("日本", normalized=False, rstrip=True)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


def suffixed():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)])
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<unk>"], end_of_word_suffix="</w>", limit_alphabet=40)
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer


def cases(tokenizer, decodes):
    generator = random.Random(options.seed)
    texts = odd + [random_text(generator) for _ in range(options.cases)]
    rows = []
    for place, text in enumerate(texts):
        pair = texts[(place * 7 + 3) % len(texts)] if place % 5 == 4 else None
        limit = generator.choice([None, None, 16])
        if limit is None:
            tokenizer.no_truncation()
        else:
            tokenizer.enable_truncation(limit)
        encoding = tokenizer.encode(text, pair)
        row = {"text": text, "ids": encoding.ids, "types": encoding.type_ids}
        if pair is not None:
            row["pair"] = pair
        if limit is not None:
            row["limit"] = limit
        if decodes:
            row["decoded"] = tokenizer.decode(encoding.ids)
        rows.append(row)
    return rows


def write(name, tokenizer, decodes=True):
    rows = cases(tokenizer, decodes)
    text = "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"
    (golden / f"{name}.cases.json").write_text(text)


for make in [wordpiece, gpt2, roberta, suffixed]:
    path = golden / f"{make.__name__}.json"
    if options.train:
        make().save(str(path), pretty=False)
    tokenizer = Tokenizer.from_file(str(path))
    write(make.__name__, tokenizer, decodes=make is not suffixed)
if options.minilm:
    tokenizer = Tokenizer.from_file(options.minilm)
    tokenizer.no_padding()
    write("minilm", tokenizer)
