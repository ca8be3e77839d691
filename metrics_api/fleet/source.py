"""Source: how a cluster that is registered by the API is collected. What is a secret of it is named, never told."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from metrics_api.errors import ApiError
from metrics_api.policy import is_over_tenants
from metrics_api.services import Caller
from queries.clusters import explain as explain_cluster
from queries.clusters import parse_cluster
from queries.control.tables import DEFAULT_TENANT
from queries.settings import Auth, Cluster

FIELD = "prometheus"

FILES = ("ca", "client_certificate", "client_key")
"""Keys that name files of the server."""

Given = str | dict[str, Any]
"""An address alone, or an object with ``url`` and the other keys of the configuration file's ``[[clusters]]``."""


def collection_of(caller: Caller, name: str, given: Given) -> dict[str, Any]:
    """How a cluster is collected, as the configuration file says it, with secrets and files as they were named.

    Raises:
        ApiError: 400 or 403, what is wrong; no secret is in the message.
    """
    told = {"url": given} if isinstance(given, str) else given
    if "url" not in told:
        raise ApiError(400, "field 'prometheus.url' is missing: the address of the cluster's Prometheus")
    if wrong := {"name", "prometheus"} & told.keys():
        raise ApiError(400, f"unknown field 'prometheus.{min(wrong)}'")
    collection = {"prometheus": told["url"]} | {key: value for key, value in told.items() if key != "url"}
    check_address(collection["prometheus"])
    check_references(caller, collection)
    parse(caller, name, collection)
    return collection


def told_of(collection: Mapping[str, Any]) -> dict[str, Any]:
    """The same as it is given and told: secrets are references, and stay so."""
    return {"url": collection["prometheus"]} | {key: value for key, value in collection.items() if key != "prometheus"}


def parse(caller: Caller, name: str, collection: Mapping[str, Any]) -> Cluster:
    try:
        cluster = parse_cluster(name, collection)
        caller.services.settings.check_backfill(cluster)
    except ValidationError as error:
        raise ApiError(400, f"{FIELD}: {explain_cluster(error)}") from None
    except ValueError as error:
        raise ApiError(400, f"{FIELD}.backfill: {error}") from None
    return cluster


def check_address(url: Any) -> None:
    """An address names a server and nothing else: what is in it stands in logs and in answers."""
    if not isinstance(url, str):
        raise ApiError(400, "prometheus.url: write a text, as in http://127.0.0.1:9090")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ApiError(400, "prometheus.url: this is no address; write one as in http://127.0.0.1:9090") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ApiError(400, "prometheus.url: write the address of a Prometheus, as in http://127.0.0.1:9090")
    if "@" in parts.netloc:
        raise ApiError(
            400, "prometheus.url: there is a user or password in it; use basic_auth, the password by reference"
        )
    if parts.query or parts.fragment:
        raise ApiError(400, "prometheus.url: an address ends with its path; use headers for what a proxy wants to know")


def check_references(caller: Caller, collection: Mapping[str, Any]) -> None:
    """Whoever registers a cluster can have what a reference stands for sent to an address of its own: of the server's
    environment and files it may name those alone that are set aside for that, and only where one tenant's are not
    another's.

    Raises:
        ApiError: 400, a secret is told or a reference not allowed; 403, where nobody of the tenant may name any.
    """
    auth = caller.services.settings.auth
    named = [*secrets_in(collection), *((key, collection[key]) for key in FILES if collection.get(key) is not None)]
    if named and caller.actor.tenant_id != DEFAULT_TENANT and not is_over_tenants(caller.actor):
        raise ApiError(403, f"{FIELD}.{named[0][0]}: secrets are the server's; ask who administers all tenants")
    for key, text in named:
        if problem := wrong_file(str(text), auth) if key in FILES else wrong_secret(text, auth):
            raise ApiError(400, f"{FIELD}.{key}: {problem}")


def secrets_in(collection: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What of it is a secret, and where."""
    if collection.get("bearer_token") is not None:
        yield "bearer_token", collection["bearer_token"]
    basic, headers = collection.get("basic_auth"), collection.get("headers")
    if isinstance(basic, dict) and "password" in basic:
        yield "basic_auth.password", basic["password"]
    if isinstance(headers, dict):
        yield from ((f"headers.{name}", value) for name, value in headers.items())


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
    """Other files of the server are none of an administrator's business, not even whether they are there."""
    if auth.secrets_folder is None:
        return "files can be named once auth.secrets_folder is set: the folder that they lie in"
    folder = auth.secrets_folder.resolve()
    if "\0" in path or not Path(os.path.normpath(path)).resolve().is_relative_to(folder):
        return f"the file does not lie in {auth.secrets_folder} (auth.secrets_folder)"
    return None
