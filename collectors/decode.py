"""The bytes of a Prometheus answer -> arrays of samples."""

import io
from dataclasses import dataclass

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

LabelSet = dict[str, str]


class Series(msgspec.Struct, gc=False):
    metric: LabelSet
    values: msgspec.Raw


class Matrix(msgspec.Struct, tag_field="resultType", tag="matrix"):
    result: list[Series]


class Answer(msgspec.Struct):
    data: Matrix
    warnings: list[str] = []


ANSWER = msgspec.json.Decoder(Answer)

# [[1714521600.5,"0.25"],[1714521660.5,"NaN"]] is read as lines of CSV with an empty first column: ",1714521600.5,0.25".
LINES = bytes.maketrans(b"]", b"\n")
SYNTAX = b'[" \t\r\n'
READ = csv.ReadOptions(column_names=["", "time", "value"], use_threads=False, block_size=1 << 26)
PARSE = csv.ParseOptions(quote_char=False)
CONVERT = csv.ConvertOptions(
    include_columns=["time", "value"],
    column_types={"time": pa.float64(), "value": pa.float64()},
    null_values=["+Inf", "-Inf"],
)


class RubbishError(ValueError):
    """The bytes are not Prometheus's answer to a query for raw samples."""


@dataclass(frozen=True)
class Samples:
    """Raw samples, ordered by series and time.

    labels: the label set of each series. series: for each sample, the place of its labels. times: Unix milliseconds.
    values: as read; what is no number is NaN. warnings: what Prometheus had to say of its answer, as that some of it is
    missing.
    """

    labels: list[LabelSet]
    series: NDArray[np.int32]
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    warnings: tuple[str, ...] = ()

    @classmethod
    def empty(cls, warnings: tuple[str, ...] = ()) -> "Samples":
        return cls([], np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0), warnings)

    def __len__(self) -> int:
        return len(self.times)


def decode(body: bytes, start: int, is_nan_an_end: bool = False) -> Samples:
    """Decode the answer to an instant query of a range vector; samples before ``start`` (Unix milliseconds) are
    dropped.

    is_nan_an_end: a NaN is no sample, but tells that its series ended before. (What is infinite is a sample, as any
    other that is no number.)
    Raises:
        RubbishError: the bytes are something else, or are cut off.
    """
    try:
        answer = ANSWER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RubbishError(f"{error}; it begins with {body[:60]!r}") from None
    found, warnings = answer.data.result, tuple(answer.warnings)
    if not found:
        return Samples.empty(warnings)
    texts = [bytes(series.values) for series in found]
    counts = [text.count(b"[") - 1 for text in texts]
    lines = b"," + b",".join(texts).translate(LINES, SYNTAX)
    try:
        table = csv.read_csv(io.BytesIO(lines), read_options=READ, parse_options=PARSE, convert_options=CONVERT)
    except pa.ArrowInvalid as error:
        raise RubbishError(f"a sample is not a pair of time and value: {error}") from None
    if len(table) != sum(counts):
        raise RubbishError(f"{sum(counts)} samples were announced and {len(table)} could be read")
    times = np.rint(table["time"].to_numpy() * 1000).astype(np.int64)
    series = np.repeat(np.arange(len(found), dtype=np.int32), counts)
    values = table["value"].to_numpy(zero_copy_only=False)
    labels = [series.metric for series in found]
    if is_nan_an_end or times.min() < start:
        kept = times >= start
        if is_nan_an_end:
            kept &= ~pc.is_nan(table["value"]).fill_null(False).to_numpy()
        series, times, values = series[kept], times[kept], values[kept]
    return Samples(labels, series, times, values, warnings)


def join(pieces: list[Samples]) -> Samples:
    """The samples of one selector that was read in several pieces of time, in order."""
    if len(pieces) == 1:
        return pieces[0]
    places: dict[tuple[tuple[str, str], ...], int] = {}
    series = []
    for piece in pieces:
        own = [places.setdefault(tuple(sorted(labels.items())), len(places)) for labels in piece.labels]
        series.append(np.array(own, np.int32)[piece.series])
    joined = np.concatenate(series)
    order = np.argsort(joined, kind="stable")
    return Samples(
        [dict(labels) for labels in places],
        joined[order],
        np.concatenate([piece.times for piece in pieces])[order],
        np.concatenate([piece.values for piece in pieces])[order],
    )
