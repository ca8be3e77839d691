"""Benchmarks: what this project does, beside what a user would pick instead. Run them with ``make bench``."""
