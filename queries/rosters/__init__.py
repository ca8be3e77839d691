"""Rosters: what there are lists of, each once, as it was last told."""
