"""Formats: what an answer can come as, and which of them a request asks for."""

from typing import Literal, TypeVar, get_args

from metrics_api.errors import ApiError

Format = Literal["json", "csv", "parquet", "arrow", "ndjson"]
ExportFormat = Literal["csv", "parquet", "arrow", "ndjson"]

F = TypeVar("F", Format, ExportFormat)

MEDIA_TYPES: dict[str, Format] = {
    "application/json": "json",
    "text/csv": "csv",
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.apache.arrow.stream": "arrow",
    "application/x-ndjson": "ndjson",
}

MEDIA_TYPE_OF: dict[Format, str] = {form: media_type for media_type, form in MEDIA_TYPES.items()}

PACKED = (MEDIA_TYPE_OF["parquet"],)
"""What does not get smaller on its way."""

EXPORT_FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)


def choose_format(asked: Format | None, accept: str) -> Format:
    """The format of an answer; JSON where nothing is asked for.

    Raises:
        ApiError: 406, where the header accepts nothing that there is.
    """
    return asked or first_accepted(accept, get_args(Format))


def choose_export_format(asked: ExportFormat | None, accept: str) -> ExportFormat:
    """The format of an export; CSV where nothing is asked for.

    Raises:
        ApiError: 406, where the header accepts nothing that there is.
    """
    return asked or first_accepted(accept, EXPORT_FORMATS)


def first_accepted(accept: str, among: tuple[F, ...]) -> F:
    """The format that an Accept header weighs most; of those that it weighs the same, the one that it names first (RFC
    9110, 12.5.1)."""
    ranges = [read_range(part) for part in accept.split(",") if part.strip()]
    if not ranges:
        return among[0]
    weighed = {form: weigh(MEDIA_TYPE_OF[form], ranges) for form in among}
    best = max(among, key=lambda form: weighed[form])
    if weighed[best][0] > 0:
        return best
    known = ", ".join(MEDIA_TYPE_OF[form] for form in among)
    raise ApiError(406, f"Accept = {accept!r}: there are {known}; or ask with ?format=, one of {', '.join(among)}")


def read_range(text: str) -> tuple[str, float]:
    """A media range and its weight; a weight that is no number is none."""
    media_range, *parameters = (part.strip().lower() for part in text.split(";"))
    weights = [value for name, _, value in (each.partition("=") for each in parameters) if name.strip() == "q"]
    try:
        return media_range, min(1.0, float(weights[0])) if weights else 1.0
    except ValueError:
        return media_range, 0.0


def weigh(media_type: str, ranges: list[tuple[str, float]]) -> tuple[float, int]:
    """The weight of the most specific range that a media type is in, and how early that stands."""
    for matching in (media_type, media_type.partition("/")[0] + "/*", "*/*"):
        for place, (media_range, weight) in enumerate(ranges):
            if media_range == matching:
                return weight, -place
    return 0.0, 0
