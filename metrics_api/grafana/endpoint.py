"""DatasourceEndpoint: how Grafana's datasources sign in, and how they are told what is wrong."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from metrics_api.access.proof import TooSoonError, prove
from metrics_api.auth import authenticate
from metrics_api.endpoint import Endpoint, Handler, address_of
from metrics_api.errors import ApiError, Error
from metrics_api.grafana.credentials import CREDENTIALS, decode_basic
from metrics_api.policy import Actor
from metrics_api.services import Services
from queries.control.identity import Identity
from queries.lake_error import LakeError
from queries.question import UnansweredError

TAG = "Grafana"

CHALLENGE = {"WWW-Authenticate": 'Basic realm="metrics-api", charset="UTF-8"'}


class Trouble(BaseModel):
    """What the health check of a datasource shows."""

    code: str
    message: str


class DatasourceError(Error):
    """What went wrong: panels show ``message``, the health check shows ``error``."""

    error: Trouble


@dataclass(frozen=True)
class DatasourceEndpoint(Endpoint):
    schemes: ClassVar[tuple[str, ...]] = ("basic", "bearer")
    error: ClassVar[type[BaseModel]] = DatasourceError

    async def answer(self, request: Request) -> Response:
        try:
            return await super().answer(request)
        except ApiError as error:
            return explain(error.error, error.headers)
        except LakeError as error:
            return explain(Error(code=503, message=str(error)))
        except UnansweredError as error:
            return explain(Error(code=400, message=str(error)))

    async def identify(self, request: Request, services: Services) -> Actor:
        """By basic authentication with a client id and its secret; otherwise as everywhere."""
        authorization = request.headers.get("authorization", "")
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic" or services.settings.auth.mode == "off":
            return await authenticate(authorization, services)
        given = decode_basic(encoded)
        identity = await identify(services, given, address_of(request)) if given else None
        if not identity:
            raise ApiError(
                401, "the user is not a client id, or the password not its secret; or no longer", headers=CHALLENGE
            )
        return await run_in_threadpool(services.directory.actor_by, identity)

    def parse_body(self, body: bytes) -> BaseModel:
        """Some requests that can say something say nothing."""
        return super().parse_body(body.strip() or b"{}")


async def identify(services: Services, given: tuple[str, str], address: str) -> Identity | None:
    known = await run_in_threadpool(CREDENTIALS.known, services.control, given)
    if known:
        return known
    try:
        return await prove(services, *given, address, lambda: CREDENTIALS.check(services.control, given))
    except TooSoonError as error:
        raise ApiError(401, str(error), headers=CHALLENGE) from None


def explain(error: Error, headers: dict[str, str] | None = None) -> Response:
    trouble = Trouble(code=str(error.code), message=error.message)
    told = DatasourceError(**error.model_dump(), error=trouble)
    return JSONResponse(told.model_dump(exclude_none=True), error.code, headers)


def asked(path: str, handler: Handler, summary: str) -> Endpoint:
    return DatasourceEndpoint("POST", f"/grafana{path}", handler, summary, TAG)


def read(path: str, handler: Handler, summary: str) -> Endpoint:
    return DatasourceEndpoint("GET", f"/grafana{path}", handler, summary, TAG)
