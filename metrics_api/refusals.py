"""Refusals: with which statuses an endpoint may refuse to answer, and why, as the OpenAPI document tells it."""

from http import HTTPMethod
from typing import Annotated, Any, get_origin

from metrics_api.endpoint import Endpoint

WHY: dict[int, str] = {
    400: "A parameter or a field is missing, unknown or wrong; or credentials are.",
    401: "Nobody is signed in, or the token is not good, or no longer.",
    403: "The caller may not do that.",
    404: "There is no such thing, or the caller may not know of it.",
    406: "The Accept header accepts nothing that there is.",
    408: "The body did not come in time.",
    409: "The name is taken, or the state of things does not allow it.",
    413: "The body is too large.",
    415: "The body is of a type that is not understood here.",
    422: "The answer would be too long.",
    429: "More requests in a minute than may be (limits.requests_per_minute).",
    500: "A defect of the service.",
    503: "The lake or the control database cannot be read, or the answer took too long: try later.",
}

RETRY = {"description": "In how many seconds to try again.", "schema": {"type": "integer", "minimum": 1}}

HEADERS: dict[int, Any] = {429: {"Retry-After": RETRY}}
"""Of the refusals that have some."""

CHANGES = (HTTPMethod.POST, HTTPMethod.PUT, HTTPMethod.PATCH, HTTPMethod.DELETE)


def refusals(endpoint: Endpoint) -> tuple[int, ...]:
    """The statuses, which follow from what the endpoint takes and does. Those that ask the lake answer with a response
    of their own."""
    takes = bool(endpoint.query or endpoint.body or endpoint.in_path)
    may: dict[int, Any] = {
        400: takes,
        401: not endpoint.is_public or 401 in endpoint.refuses,
        403: not endpoint.is_public,
        404: takes and not endpoint.is_public,
        406: len(endpoint.produces.media_types) > 1,
        408: endpoint.body,
        409: endpoint.resource and endpoint.method in CHANGES,
        413: endpoint.body,
        415: endpoint.body,
        422: takes and not endpoint.is_public and get_origin(endpoint.hints["return"]) is Annotated,
        429: not endpoint.is_public,
        500: True,
        503: True,
    }
    return tuple(status for status, is_possible in may.items() if is_possible or status in endpoint.refuses)
