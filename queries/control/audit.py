"""The audit log: what was done, and tried, by whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select

from queries.control.database import Control
from queries.control.tables import AuditEntry

KEPT = timedelta(days=365)

LONGEST = 500
"""How much of a text is kept that somebody else wrote."""

CLEARED_EVERY = 1_000
"""After so many entries those are looked for that are older than what is kept."""


@dataclass(frozen=True)
class Entry:
    tenant_id: int
    subject: str
    subject_type: str
    source_ip: str
    action: str
    http_method: str
    url: str
    http_status_code: int
    entity_type: str
    entity_id: str | None = None
    entity_name: str | None = None


def record(control: Control, entry: Entry) -> None:
    now = datetime.now(UTC)
    fields = {name: shortened(value) for name, value in vars(entry).items()}
    with control.session() as session:
        row = AuditEntry(time=now, **fields)
        session.add(row)
        session.flush()
        if row.id % CLEARED_EVERY == 0:
            session.execute(delete(AuditEntry).where(AuditEntry.time < now - KEPT))


def shortened(value: object) -> object:
    """A text that a database can keep."""
    if not isinstance(value, str):
        return value
    return value.encode(errors="replace").decode().replace("\0", "")[:LONGEST]


def read_log(control: Control, tenant_id: int, start: datetime, end: datetime) -> Sequence[AuditEntry]:
    """The entries of a tenant in [start, end), the oldest first."""
    with control.session() as session:
        chosen = select(AuditEntry).where(
            AuditEntry.tenant_id == tenant_id, AuditEntry.time >= start, AuditEntry.time < end
        )
        return session.scalars(chosen.order_by(AuditEntry.id)).all()
