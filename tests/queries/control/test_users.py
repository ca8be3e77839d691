import subprocess
import sys
from datetime import timedelta

import pytest

from queries.control.access_keys import (
    create_access_key,
    delete_access_key,
    find_by_access_key,
    list_access_keys,
    renew_access_key,
)
from queries.control.applications import check_secret
from queries.control.database import Control, NameTakenError
from queries.control.identity import find_identity, note_login
from queries.control.refresh_tokens import create_refresh_token, redeem_refresh_token
from queries.control.roles import VIEWER
from queries.control.rules import NewRule, grants_of, list_rules
from queries.control.secret import LONGEST, is_made, make_secret
from queries.control.users import (
    PasswordError,
    check_password,
    check_password_form,
    create_user,
    delete_user,
    find_user,
    log_out,
    set_password,
)

RULE = NewRule(VIEWER.id, "tenant", "1")


def test_passwords_are_hashed_slowly() -> None:
    """As RFC 9106 recommends where memory is scarce; tests are spared it."""
    told = "from queries.control.secret import HASHER as h; print(h.type.name, h.time_cost, h.memory_cost)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    kind, times, kibibytes = done.stdout.split()
    assert kind == "ID"
    assert (int(times), int(kibibytes)) >= (3, 65_536)


def test_a_password_opens_and_another_does_not(control: Control) -> None:
    user = create_user(control, "Ada@example.com", "correct horse")
    found = check_password(control, "ADA@example.com", "correct horse")
    assert found
    assert (found.name, found.user_id) == ("ada@example.com", user.id)
    assert check_password(control, "ada@example.com", "wrong") is None
    assert check_password(control, "ada@example.com", make_secret()) is None
    assert check_password(control, "nobody", "correct horse") is None
    note_login(control, found)
    assert find_user(control, user.id).last_login  # type: ignore[union-attr]  # it is there


def test_who_has_no_password_signs_in_by_none(control: Control) -> None:
    create_user(control, "ada", None)
    for password in ("", "None", make_secret()):
        assert check_password(control, "ada", password) is None


def test_a_name_is_taken_once_in_any_case(control: Control) -> None:
    create_user(control, "ada", None)
    with pytest.raises(NameTakenError, match="there is a user 'ada' already"):
        create_user(control, "ADA", None)


def test_a_new_password_ends_what_the_old_one_opened(control: Control) -> None:
    user = create_user(control, "ada", "correct horse")
    before = check_password(control, "ada", "correct horse")
    assert before
    assert find_identity(control, before.credential) == before
    set_password(control, user.id, "battery staple")
    assert find_identity(control, before.credential) is None
    assert check_password(control, "ada", "battery staple")


def test_a_refresh_token_is_good_once_and_ends_with_signing_out(control: Control) -> None:
    create_user(control, "ada", "correct horse")
    ada = check_password(control, "ada", "correct horse")
    assert ada
    code = create_refresh_token(control, ada, timedelta(hours=1))
    assert redeem_refresh_token(control, code) == ada
    assert redeem_refresh_token(control, code) is None
    late = create_refresh_token(control, ada, timedelta(seconds=-1))
    assert redeem_refresh_token(control, late) is None
    code = create_refresh_token(control, ada, timedelta(hours=1))
    log_out(control, ada.credential.id)
    assert redeem_refresh_token(control, code) is None


def test_another_of_the_same_name_does_not_inherit(control: Control) -> None:
    user = create_user(control, "ada", "correct horse", rules=(RULE,))
    _, secret = create_access_key(control, user, "scraper")
    delete_user(control, user)
    assert list_rules(control, 1) == []
    assert find_by_access_key(control, secret) is None
    create_user(control, "ada", "battery staple")
    again = check_password(control, "ada", "battery staple")
    assert again
    with control.session() as session:
        assert grants_of(session, again) == []


def test_a_key_opens_by_itself_and_by_its_client_id(control: Control) -> None:
    user = create_user(control, "ada", None, rules=(RULE,))
    key, secret = create_access_key(control, user, "scraper")
    found = find_by_access_key(control, secret)
    assert found
    assert found == check_secret(control, key.client_id, secret)
    assert found.name == "ada"
    with pytest.raises(NameTakenError, match="has an access key 'scraper' already"):
        create_access_key(control, user, "scraper")
    renewed = renew_access_key(control, key.id)
    assert find_by_access_key(control, secret) is None
    assert find_identity(control, found.credential) is None
    assert find_by_access_key(control, renewed)
    assert [key.name for key, _ in list_access_keys(control, 1)] == ["scraper"]
    delete_access_key(control, key.id)
    assert find_by_access_key(control, renewed) is None


@pytest.mark.parametrize("password", ["short", "x" * (LONGEST + 1), make_secret()], ids=["short", "long", "made up"])
def test_some_passwords_nobody_should_have(password: str) -> None:
    with pytest.raises(PasswordError):
        check_password_form(password)


def test_secrets_that_we_make_are_known_by_their_form() -> None:
    assert is_made(make_secret())
    for other in ("", "gpum_", make_secret() + "x", "correct horse"):
        assert not is_made(other)
