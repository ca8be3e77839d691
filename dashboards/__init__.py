"""The web page, and Grafana's dashboards."""
