"""How figures are spelled on the page and in the terminal."""

from __future__ import annotations

from sqlforge.core.records import Metric
from sqlforge.score.statistics import McNemar

_NBSP = "\u00a0"
_LEVEL = 0.05
_LABELS = {
    "sqlforge-synthetic": "the embedded corpus",
    "spider": "Spider dev",
    # The official split cannot be rebuilt from what is published with rows; see the data notes.
    "wikisql": "WikiSQL held-out tables",
}
_SYSTEMS = {
    "base": "base model",
    "template": "nearest-question template",
    "tuned": "tuned",
    "reinforced": "tuned, then reinforced",
    "merged": "tuned, merged",
    "official": "official count",
    "strict": "strict count",
}
_MERGED_INTO = {
    "dequantised": " into the 4-bit weights that it was trained on, unpacked",
    "bf16": " into the weights of the base model",
}


def source_label(source: str) -> str:
    """What the test split of a source is called wherever a number is printed.

    >>> source_label("wikisql")
    'WikiSQL held-out tables'
    """
    return _LABELS.get(source, source)


def held_out_label(source: str) -> str:
    """The same for a test split whose databases do not occur in training.

    >>> held_out_label("spider"), held_out_label("wikisql")
    ('Spider dev, databases unseen in training', 'WikiSQL held-out tables, unseen in training')
    """
    unseen = "unseen in training" if source == "wikisql" else "databases unseen in training"
    return f"{source_label(source)}, {unseen}"


def merged_words(into: str | None) -> str:
    """Begin of a sentence about a merged model; ``into`` is what the adapter was added to.

    >>> merged_words("bf16"), merged_words(None)
    ('Merged into the weights of the base model', 'Merged')
    """
    return f"Merged{_MERGED_INTO.get(into or '', '')}"


def system_label(system: str) -> str:
    """What a system is called on the page.

    >>> system_label("base")
    'base model'
    """
    return _SYSTEMS.get(system, system)


def percent(fraction: float) -> str:
    """A fraction with one decimal of a percent.

    >>> percent(0.125).replace("\\xa0", " ")
    '12.5 %'
    """
    return f"{fraction * 100:.1f}{_NBSP}%"


def interval(metric: Metric) -> str:
    """The 95 % interval of a proportion, in percent.

    >>> interval(Metric(0.5, 0.404, 0.596, 50, 100))
    '40.4–59.6'
    """
    return f"{metric.low * 100:.1f}–{metric.high * 100:.1f}"


def points(fraction: float) -> str:
    """A signed difference in percentage points.

    >>> points(0.585), points(-0.02), points(0.0)
    ('+58.5', '−2.0', '+0.0')
    """
    return f"{fraction * 100:+.1f}".replace("-", "−")


def p_value(test: McNemar) -> str:
    """McNemar's p-value as papers print it.

    >>> p_value(McNemar(0, 40, 1e-9)), p_value(McNemar(3, 9, 0.146))
    ('McNemar p < 0.001', 'McNemar p = 0.146, not significant')
    """
    if test.p_value < 0.001:
        return "McNemar p < 0.001"
    chance = ", not significant" if test.p_value >= _LEVEL else ""
    return f"McNemar p = {test.p_value:.3f}{chance}"


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> [duration(s).replace("\\xa0", " ") for s in (42.4, 252, 7384)]
    ['42 s', '4 min 12 s', '2 h 3 min']
    """
    whole = round(seconds)
    words = f"{whole} s"
    if whole >= 3600:
        words = f"{whole // 3600} h {whole % 3600 // 60} min"
    elif whole >= 60:
        words = f"{whole // 60} min {whole % 60} s"
    return words.replace(" ", _NBSP)


def gibibytes(size: float) -> str:
    """Bytes in GiB.

    >>> gibibytes(5 * 2**30)
    '5.0 GiB'
    """
    return f"{size / 2**30:.1f} GiB"
