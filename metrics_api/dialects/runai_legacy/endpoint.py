"""PrometheusEndpoint: how Prometheus is asked, and how it tells errors."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from metrics_api.body import FORM
from metrics_api.endpoint import Endpoint
from metrics_api.errors import ApiError
from queries.lake_error import LakeError

ERROR_TYPES = {
    400: "bad_data",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    422: "execution",
    429: "unavailable",
    503: "timeout",
}


class PrometheusError(BaseModel):
    """What Prometheus answers where it cannot."""

    status: Literal["error"]
    errorType: str
    error: str


@dataclass(frozen=True)
class PrometheusEndpoint(Endpoint):
    """An endpoint that tells errors as Prometheus does, and takes what it is asked in a form, too."""

    error: ClassVar[type[BaseModel]] = PrometheusError
    media_type: ClassVar[str] = FORM

    @property
    def operation_id(self) -> str:
        """The same is there at two places, and by two methods."""
        below = "_below_grafana" if self.path.startswith("/grafana") else ""
        return f"{super().operation_id}{below}{'_by_form' if self.method == 'POST' else ''}"

    async def answer(self, request: Request) -> Response:
        try:
            return await super().answer(request)
        except ApiError as error:
            return explain(error)
        except LakeError as error:
            return explain(ApiError(503, str(error)))

    async def asked(self, request: Request) -> str:
        query = await super().asked(request)
        form = (await self.given(request)).decode("latin-1") if request.method == "POST" else ""
        return "&".join(part for part in (query, form) if part)


def explain(error: ApiError) -> Response:
    said = {
        "status": "error",
        "errorType": ERROR_TYPES.get(error.error.code, "bad_data"),
        "error": error.error.message,
    }
    return JSONResponse(said, error.error.code, error.headers)
