"""The demo: a simulated fleet, spoken of exactly as real exporters do, to real Prometheus servers."""
