"""Grafana: what its JSON datasources ask, answered from the same questions as the main API."""
