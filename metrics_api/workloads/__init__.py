"""Workloads: what runs, waits and ran, with its pods, and what it used."""
