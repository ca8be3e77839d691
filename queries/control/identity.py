"""Identity: who asks, as the control database knows it; and the credential by which it is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from queries.control.database import Control
from queries.control.tables import AccessKey, Application, User

SubjectType = Literal["user", "service-account"]

CredentialKind = Literal["user", "service-account", "access-key"]


@dataclass(frozen=True)
class Credential:
    """What a token stands for. epoch: a token of an earlier one was revoked."""

    kind: CredentialKind
    id: str
    epoch: int


@dataclass(frozen=True)
class Identity:
    """Who asks. subject_id: as access rules name it: a user's name, an application's id."""

    subject_type: SubjectType
    subject_id: str
    name: str
    tenant_id: int
    credential: Credential
    groups: tuple[str, ...] = ()
    user_id: str | None = None


def of_application(application: Application) -> Identity:
    credential = Credential("service-account", application.id, application.epoch)
    return Identity("service-account", application.id, application.name, application.tenant_id, credential)


def of_user(user: User, groups: Sequence[str] | None = None) -> Identity:
    """groups: those of its token, where it has one of the identity provider."""
    return of_credential(user, Credential("user", user.id, user.epoch), user.groups if groups is None else groups)


def of_access_key(key: AccessKey, user: User) -> Identity:
    return of_credential(user, Credential("access-key", key.id, key.epoch), user.groups)


def of_credential(user: User, credential: Credential, groups: Sequence[str]) -> Identity:
    return Identity("user", user.username, user.username, user.tenant_id, credential, tuple(groups), user.id)


def find_identity(control: Control, credential: Credential) -> Identity | None:
    """Whose credential this is, if it has not been revoked since."""
    with control.session() as session:
        if credential.kind == "service-account":
            application = session.get(Application, credential.id)
            found = of_application(application) if application and application.enabled else None
        elif credential.kind == "user":
            user = session.get(User, credential.id)
            found = of_user(user) if user else None
        else:
            key = session.get(AccessKey, credential.id)
            owner = key and session.get(User, key.user_id)
            found = of_access_key(key, owner) if key and owner else None
    return found if found and found.credential == credential else None


def note_login(control: Control, identity: Identity) -> None:
    """Remember when somebody signed in last."""
    tables = {"user": User, "service-account": Application, "access-key": AccessKey}
    with control.session() as session:
        account = session.get(tables[identity.credential.kind], identity.credential.id)
        if isinstance(account, (User, Application, AccessKey)):
            account.last_login = datetime.now(UTC)
