"""Depth: how much random tests try. `make test` tries little each time, `make soak` a lot."""

import os

DEPTH = float(os.environ.get("DEPTH", "1"))


def deep(few: int) -> int:
    """As many as that, or more where there is time."""
    return max(1, int(few * DEPTH))
