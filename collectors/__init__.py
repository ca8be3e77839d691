"""Prometheus -> tidy Arrow -> attributed ledger rows -> lake."""
