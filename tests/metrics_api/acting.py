"""Acting: everybody is somebody else, where nobody has to sign in."""

import pytest

from metrics_api.policy import Actor
from metrics_api.repeats import Repeats


def act_as(monkeypatch: pytest.MonkeyPatch, actor: Actor) -> None:
    """What others were told just before is not repeated to this one."""
    read = Repeats.tables
    monkeypatch.setattr("metrics_api.auth.ANYONE", actor)
    monkeypatch.setattr(Repeats, "state", lambda self: (*read(self), self.services.clusters.roll, actor))
