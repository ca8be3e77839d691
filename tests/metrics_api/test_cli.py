import signal
import sys
from pathlib import Path

import psutil
import pytest

from metrics_api.demo.servers import free_port, start, wait_until_ready


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_service_ends_well_and_its_collector_before_it(number: signal.Signals, tmp_path: Path) -> None:
    port, config, log = free_port(), tmp_path / "metrics.toml", tmp_path / "log"
    config.write_text(
        f'[server]\nport = {port}\n[store]\npath = "{tmp_path / "lake"}"\n'
        '[[clusters]]\nname = "down"\nprometheus = "http://127.0.0.1:1"\n'
    )
    service = start([sys.executable, "-m", "metrics_api", "serve", "--config", config], log)
    try:
        wait_until_ready("the service", f"http://127.0.0.1:{port}/readyz", service, log)
        (collector,) = psutil.Process(service.pid).children()
        service.send_signal(number)
        assert service.wait() == 0, log.read_text()
        assert not collector.is_running()
    finally:
        service.kill()
        service.wait()
