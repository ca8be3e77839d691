"""Finding: what a check has to say of a cluster."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, Literal, TypeVar

Subject = TypeVar("Subject")

Severity = Literal["ok", "note", "warning", "error"]
"""error: the cluster is not collected. warning: numbers are missing, or weaker than they could be. note: good to
know."""

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note", "ok")


def so_many(count: float, noun: str) -> str:
    return f"{count:g} {noun}" if count == 1 else f"{count:g} {noun}s"


@dataclass(frozen=True)
class Finding:
    """what: what was found. cost: what the site loses by it. fix: what to do. check: which check says so."""

    severity: Severity
    what: str
    cost: str = ""
    fix: str = ""
    check: str = ""


@dataclass(frozen=True)
class Check(Generic[Subject]):
    """Something that may be wrong with a subject: a cluster's Examination, or the lake. fine: what is said if not."""

    name: str
    fine: str
    look: Callable[[Subject], Iterator[Finding]]

    def findings(self, subject: Subject) -> list[Finding]:
        """Raises:
        PrometheusError: the check asks, and got no answer.
        """
        found = list(self.look(subject)) or [Finding("ok", self.fine)]
        return [replace(finding, check=self.name) for finding in found]
