"""Sums of rows: one file of SQL each."""
