"""``python -m sqlforge``."""

from sqlforge.cli import main

main()
