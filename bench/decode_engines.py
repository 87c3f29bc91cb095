"""llguidance and xgrammar with the exported grammar: build, masks, and what random outputs fail."""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from claims import ClaimRow
from decode_schemas import thirty_tables
from decode_walks import oracle, weights_of
from sqlforge.core.records import Dataset
from sqlforge.core.schema import Schema
from sqlforge.decode.grammar import export_grammar
from sqlforge.decode.vocabulary import Vocabulary
from sqlforge.score.statistics import wilson

MOST_TOKENS = 200


class Matcher(Protocol):
    """One output under way in another engine."""

    def fill(self) -> npt.NDArray[np.int32]:
        """The mask of what may come next."""

    def take(self, token: int) -> bool:
        """Whether the token was taken."""


def engine_rows(tokenizer: Any, vocabulary: Vocabulary, dev: Dataset, walks: int) -> list[ClaimRow]:
    """Every figure of the engines that are installed, on Spider dev's schemas."""
    rows: list[ClaimRow] = []
    for name, made in (("llguidance", llguidance), ("xgrammar", xgrammar)):
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed: not measured")
            continue
        compiled = made(tokenizer)
        rows += _build(name, compiled)
        rows += _golds(name, compiled, tokenizer, dev)
        rows += _random(name, compiled, vocabulary, dev, walks)
    return rows


Compile = Callable[[Schema], Callable[[], Matcher]]


def llguidance(tokenizer: Any) -> Compile:
    """Lark through llguidance."""
    import llguidance as engine
    import llguidance.hf
    import llguidance.numpy as masks

    known = llguidance_tokenizer = engine.hf.from_tokenizer(tokenizer)
    out = masks.allocate_token_bitmask(1, llguidance_tokenizer.vocab_size)

    class Guided:
        def __init__(self, grammar: str) -> None:
            self.matcher = engine.LLMatcher(known, grammar)

        def fill(self) -> npt.NDArray[np.int32]:
            masks.fill_next_token_bitmask(self.matcher, out, 0)
            return out[0]

        def take(self, token: int) -> bool:
            return bool(self.matcher.consume_token(token))

    def compiled(schema: Schema) -> Callable[[], Matcher]:
        grammar = engine.grammar_from("lark", export_grammar(schema, "lark"))
        Guided(grammar)
        return lambda: Guided(grammar)

    return compiled


def xgrammar(tokenizer: Any) -> Compile:
    """EBNF through xgrammar."""
    import xgrammar as engine

    info = engine.TokenizerInfo.from_huggingface(tokenizer)
    out = engine.allocate_token_bitmask(1, info.vocab_size)

    class Guided:
        def __init__(self, grammar: Any) -> None:
            self.matcher = engine.GrammarMatcher(grammar)

        def fill(self) -> npt.NDArray[np.int32]:
            self.matcher.fill_next_token_bitmask(out, 0)
            found: npt.NDArray[np.int32] = out.numpy()[0]
            return found

        def take(self, token: int) -> bool:
            return bool(self.matcher.accept_token(token))

    def compiled(schema: Schema) -> Callable[[], Matcher]:
        compiler = engine.GrammarCompiler(info, max_threads=1, cache_enabled=False)
        grammar = compiler.compile_grammar(export_grammar(schema, "ebnf"))
        return lambda: Guided(grammar)

    return compiled


def _build(name: str, compiled: Compile) -> list[ClaimRow]:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        compiled(thirty_tables())().fill()
        times.append(1e3 * (time.perf_counter() - start))
    return [ClaimRow(f"{name}_build_30_tables", statistics.median(times), "ms", n=3)]


def _golds(name: str, compiled: Compile, tokenizer: Any, dev: Dataset) -> list[ClaimRow]:
    """Golds that the exported grammar takes, and the masks along them."""
    taken, times, made = 0, [], {}
    examples = dev.examples[::4]
    for example in examples:
        if example.db_id not in made:
            made[example.db_id] = compiled(dev.databases[example.db_id].schema)
        matcher = made[example.db_id]()
        whole = True
        for token in (*tokenizer(example.sql)["input_ids"], tokenizer.eos_token_id):
            start = time.thread_time()
            mask = matcher.fill()
            times.append(1e6 * (time.thread_time() - start))
            if not mask[token // 32] >> (token % 32) & 1:
                whole = False
                break
            matcher.take(token)
        taken += whole
    return [
        _share(f"{name}_golds_taken", taken, len(examples)),
        ClaimRow(f"{name}_mask_mean", statistics.fmean(times), "us", n=len(times)),
        ClaimRow(f"{name}_mask_p99", float(np.percentile(times, 99)), "us", n=len(times)),
    ]


def _random(
    name: str, compiled: Compile, vocabulary: Vocabulary, dev: Dataset, walks: int
) -> list[ClaimRow]:
    """Random outputs, ``walks`` a schema: those that were cut, and of the rest those that fail."""
    rng = np.random.default_rng(2)
    texts, cut = [], 0
    for database in dev.databases.values():
        start = compiled(database.schema)
        weights = weights_of(vocabulary, database.schema, end=200.0)
        for _ in range(walks):
            ended, text = _walk(start(), vocabulary, weights, rng)
            cut += not ended
            if ended:
                texts.append((text, database.schema))
    bad = sum(oracle(text.decode("utf-8", "replace"), schema) is not None for text, schema in texts)
    return [
        _share(f"{name}_random_failed", bad, len(texts)),
        _share(f"{name}_random_cut", cut, cut + len(texts)),
    ]


def _share(name: str, part: int, n: int) -> ClaimRow:
    found = wilson(part, n)
    return ClaimRow(name, found.value, "fraction", None, found.low, found.high, n)


def _walk(
    matcher: Matcher,
    vocabulary: Vocabulary,
    weights: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[bool, bytes]:
    text = b""
    for token in _tokens(matcher, weights, rng):
        if token in vocabulary.eos_ids:
            return True, text
        text += vocabulary.tokens[token] or b""
    return False, text


def _tokens(
    matcher: Matcher, weights: npt.NDArray[np.float64], rng: np.random.Generator
) -> Iterator[int]:
    for _ in range(MOST_TOKENS):
        bits = np.unpackbits(matcher.fill().view(np.uint8), bitorder="little")[: len(weights)]
        allowed = np.flatnonzero(bits)
        if not len(allowed):
            return
        sums = np.cumsum(weights[allowed])
        token = int(allowed[np.searchsorted(sums, rng.random() * sums[-1], "right")])
        yield token
        if not matcher.take(token):
            return
