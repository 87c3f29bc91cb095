"""Where things lie: the user's cache and the folder with the data sets."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """The folder for what can be made again: unpacked archives, converted weights.

    The first of ``$SQLFORGE_CACHE_DIR``, ``$XDG_CACHE_HOME/sqlforge`` and ``~/.cache/sqlforge``.
    It is not created here.

    >>> cache_dir().is_absolute()
    True
    """
    own = os.environ.get("SQLFORGE_CACHE_DIR")
    if own:
        return Path(own).expanduser().absolute()
    xdg = os.environ.get("XDG_CACHE_HOME")
    base = Path(xdg) if xdg else Path.home() / ".cache"
    return base.expanduser().absolute() / "sqlforge"


def data_dir(explicit: Path | None = None) -> Path | None:
    """The folder that holds the data sets, or ``None`` where nobody named one.

    ``explicit`` (``--data-dir``) wins over ``$SQLFORGE_DATA_DIR``. Whether the folder exists is
    for the reader to say, who knows what it looks for.

    >>> data_dir(Path("sets")).name
    'sets'
    """
    if explicit is not None:
        return explicit.expanduser()
    named = os.environ.get("SQLFORGE_DATA_DIR")
    return Path(named).expanduser() if named else None
