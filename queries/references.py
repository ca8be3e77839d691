"""References: what a cluster that was registered may have for secrets and files. They are named, and of the server's
environment and files those alone may be named that are set aside for that: who registers a cluster chooses where its
secrets are sent."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from queries.settings import Auth

FILES = ("ca", "client_certificate", "client_key")
"""Keys that name files of the server."""


def references_in(collection: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What of a collection is a secret or a file, by where it stands; also where it is not of the right kind."""
    return [*secrets_in(collection), *((key, collection[key]) for key in FILES if collection.get(key) is not None)]


def secrets_in(collection: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if collection.get("bearer_token") is not None:
        yield "bearer_token", collection["bearer_token"]
    basic, headers = collection.get("basic_auth"), collection.get("headers")
    if isinstance(basic, dict) and "password" in basic:
        yield "basic_auth.password", basic["password"]
    if isinstance(headers, dict):
        yield from ((f"headers.{name}", value) for name, value in headers.items())


def wrong_reference(collection: Mapping[str, Any], auth: Auth) -> str | None:
    """The first that is told, or names what may not be named, and what would be right; without the secret."""
    for key, written in references_in(collection):
        problem = wrong_file(str(written), auth) if key in FILES else wrong_secret(written, auth)
        if problem:
            return f"{key}: {problem}"
    return None


def wrong_secret(reference: Any, auth: Auth) -> str | None:
    kind, _, place = reference.partition(":") if isinstance(reference, str) else ("", "", "")
    if kind == "env":
        if place.startswith(auth.secrets_prefix):
            return None
        return f"the name of the environment variable does not begin with {auth.secrets_prefix} (auth.secrets_prefix)"
    if kind == "file":
        return wrong_file(place, auth)
    return (
        "a secret is not kept here, where backups and database administrators see it: name where the collector finds"
        f" it, as env:{auth.secrets_prefix}NAME"
        + (f" or file:{auth.secrets_folder}/name" if auth.secrets_folder else "")
    )


def wrong_file(path: str, auth: Auth) -> str | None:
    """Other files are none of an administrator's business, not even whether they are there."""
    if auth.secrets_folder is None:
        return "files can be named once auth.secrets_folder is set: the folder that they lie in"
    folder = auth.secrets_folder.resolve()
    if "\0" in path or not Path(os.path.normpath(path)).resolve().is_relative_to(folder):
        return f"the file does not lie in {auth.secrets_folder} (auth.secrets_folder)"
    return None
