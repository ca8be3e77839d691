"""Errors: every failure becomes one shape, ``{"code", "message", "details"}``, here and nowhere else."""

import difflib
import re
from collections.abc import Iterable
from typing import Annotated, Any

import structlog
from pydantic import AfterValidator, BaseModel, ValidationError
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from queries.control.database import NameTakenError
from queries.lake import LakeError
from queries.question import UnansweredError

log = structlog.get_logger()

LONGEST = 2_000
"""Characters of what is told: it names what was given, of which there may be a lot."""

LONGEST_VALUE = 200

SECRET = re.compile("secret|password|token|^code$", re.IGNORECASE)
"""Fields whose values are told to nobody: what tells of errors may be kept."""


def shortened(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."


Told = Annotated[str, AfterValidator(shortened)]


class Error(BaseModel):
    """What went wrong, and what would be right."""

    code: int
    message: Told
    details: Told | None = None


class ApiError(Exception):
    """A request that cannot be answered; the message names the thing and what would be right."""

    def __init__(
        self, status: int, message: str, details: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.error = Error(code=status, message=message, details=details)
        self.headers = headers


def respond(error: Error, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(error.model_dump(exclude_none=True), error.code, headers)


async def on_api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return respond(error.error, error.headers)


async def on_http_error(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses."""
    assert isinstance(error, HTTPException)
    message = {
        404: f"there is nothing at {request.url.path}; the endpoints are listed at /api/docs",
        405: f"{request.url.path} does not answer {request.method}",
    }.get(error.status_code, error.detail)
    headers = {"Allow": ", ".join(methods_at(request))} if error.status_code == 405 else dict(error.headers or {})
    return respond(Error(code=error.status_code, message=message), headers)


def methods_at(request: Request) -> list[str]:
    """What may be done at a path; each method has a route."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    here = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in here for method in route.methods or ()})


async def on_lake_error(_: Request, error: Exception) -> Response:
    return respond(Error(code=503, message=str(error)))


async def on_unanswered(_: Request, error: Exception) -> Response:
    return respond(Error(code=400, message=str(error)))


async def on_name_taken(_: Request, error: Exception) -> Response:
    return respond(Error(code=409, message=str(error)))


async def on_data_error(_: Request, error: Exception) -> Response:  # noqa: ARG001  # it has the statement in it
    """The database does not take a value that came with the request, such as a text with a NUL."""
    return respond(Error(code=400, message="a value has characters, or a size, that nothing here can have"))


async def on_failure(request: Request, error: Exception) -> Response:
    """A defect of ours. What it was is in the log, not in the answer."""
    log.error("failed", path=request.url.path, exc_info=error)
    return respond(Error(code=500, message="something went wrong on our side; the log of the service says what"))


HANDLERS: dict[Any, Any] = {
    ApiError: on_api_error,
    HTTPException: on_http_error,
    LakeError: on_lake_error,
    UnansweredError: on_unanswered,
    NameTakenError: on_name_taken,
    DataError: on_data_error,
    Exception: on_failure,
}


def invalid(error: ValidationError, known: Iterable[str], where: str) -> ApiError:
    """A 400 that names every field that is wrong, its value, and what would be right."""
    found = error.errors()
    with_wrong_items = {problem["loc"][0] for problem in found if len(problem["loc"]) > 1}
    problems = [
        explain(problem, sorted(known), where)
        for problem in found
        if problem["type"] != "too_short" or problem["loc"][0] not in with_wrong_items
    ]
    return ApiError(400, problems[0], "; ".join(problems[1:]) or None)


def explain(problem: Any, known: list[str], where: str) -> str:
    message: str = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"] and problem["type"] == "value_error":
        return message
    field = str(problem["loc"][0]) if problem["loc"] else where
    path = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden" and path != field:
        return f"unknown {where} {path!r}"
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(field, known, n=1)
        return f"unknown {where} {field!r}; " + (
            f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
        )
    if problem["type"] == "missing":
        return f"{where} {path!r} is missing"
    is_told = problem["loc"] and problem["type"] != "value_error" and not SECRET.search(path)
    value = f" = {shortened(repr(problem['input']), LONGEST_VALUE)}" if is_told else ""
    return f"{field}{value}: {message}"
