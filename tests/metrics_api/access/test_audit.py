"""The audit log: every change, and every attempt at one."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from queries.control import audit
from queries.control.audit import Entry, record
from queries.control.users import create_user
from tests.metrics_api.community import Community, community

LOG = "/api/v1/audit/log"

FORMULA = "=HYPERLINK(1)@example.com"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    with community(tmp_path_factory.mktemp("people")) as people:
        create_user(people.app.state.services.control, "gone@example.com", None)
        yield people


def entries(people: Community, query: str = "") -> list[dict[str, Any]]:
    answer = people.client("admin").get(f"{LOG}?limit=1000{query}").json()
    return list(answer["audit_logs"])


def test_changes_and_attempts_are_told_with_who_and_what(people: Community) -> None:
    admin = people.client("admin")
    made = admin.post("/api/v1/users", json={"email": FORMULA}).json()
    admin.post("/api/v1/users", json={"email": FORMULA})
    people.client("researcher").delete(f"/api/v1/users/{made['id']}")
    told = [
        (each["subject"], each["action"], each["result"], each["http_status_code"], each["entity_name"])
        for each in entries(people, "&filterBy=entity_type==users")
    ]
    assert told == [
        ("admin@example.com", "create", "Succeeded", 201, FORMULA.lower()),
        ("admin@example.com", "create", "Failed", 409, None),
        ("researcher@example.com", "delete", "Failed", 403, None),
    ]


def test_who_signs_in_is_told_and_who_fails_to(people: Community) -> None:
    body = {"grantType": "password", "username": "viewer@example.com", "password": "wrong"}
    people.anonymous.post("/api/v1/token", json=body)
    people.token("viewer")
    told = entries(people, "&filterBy=action==sign-in,subject==viewer@example.com")
    assert [each["result"] for each in told] == ["Failed", "Succeeded"]
    assert {each["source_ip"] for each in told} == {"testclient"}


def test_secrets_are_not_told(people: Community) -> None:
    made = people.client("admin").post("/api/v1/service-accounts", json={"name": "told"}).json()
    assert made["clientSecret"] not in str(entries(people))


def test_a_page_begins_where_the_last_ended(people: Community) -> None:
    for _ in range(3):
        people.token("admin")
    client = people.client("admin")
    first = client.get(f"{LOG}?numberOfSamples=2&filterBy=action==sign-in").json()
    assert (len(first["audit_logs"]), first["next"]) == (2, 2)
    second = client.get(f"{LOG}?numberOfSamples=2&offset=2&filterBy=action==sign-in").json()
    assert int(second["audit_logs"][0]["id"]) > int(first["audit_logs"][1]["id"])
    newest = client.get(f"{LOG}?limit=1&sortBy=timestamp&sortOrder=desc").json()["audit_logs"]
    assert newest[0]["timestamp"] >= second["audit_logs"][-1]["timestamp"]


def test_the_file_has_the_same_and_no_formulas(people: Community) -> None:
    people.client("admin").post("/api/v1/users", json={"email": f"x{FORMULA}"})
    people.client("admin").post("/api/v1/users", json={"email": FORMULA.replace("1", "2")})
    answer = people.client("admin").get(f"{LOG}/file?fileType=CSV")
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {"create", "sign-in"} <= {row["action"] for row in rows}
    named = {row["entity_name"] for row in rows}
    assert f"'{FORMULA.replace('1', '2').lower()}" in named
    assert not any(name.startswith("=") for name in named)


def test_texts_of_others_are_cut_and_old_entries_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with community(tmp_path) as people:
        control = people.app.state.services.control
        entry = Entry(1, "x" * 10_000 + "\0", "user", "", "create", "POST", "\udc80/", 200, "users")
        record(control, entry)
        assert len(entries(people)[0]["subject"]) == audit.LONGEST
        monkeypatch.setattr(audit, "CLEARED_EVERY", 1)
        monkeypatch.setattr(audit, "KEPT", timedelta(0))
        record(control, entry)
        monkeypatch.setattr(audit, "CLEARED_EVERY", 1_000)
        assert entries(people)[0]["id"] == "3"  # the sign-in and the entry before it are gone
