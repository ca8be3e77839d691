"""Grafana's dashboards, as code, and as the files that it makes: ``python -m dashboards.grafana`` writes them anew."""
