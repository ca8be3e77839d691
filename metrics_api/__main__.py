"""``python -m metrics_api``: the same as ``metrics-api``."""

from metrics_api.cli import main

main()
