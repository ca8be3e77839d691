"""``python -m dashboards.grafana`` writes the dashboards' files."""

from dashboards.grafana.files import FOLDER, texts

for name, text in texts().items():
    (FOLDER / name).write_text(text)
