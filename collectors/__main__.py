"""``python -m collectors``: the same as ``metrics-collect``."""

from collectors.cli import main

main()
