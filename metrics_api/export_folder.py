"""ExportFolder: a dataset as files, one for each day. Days that are there and have not changed are left as they are."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa

from metrics_api.encoding import encode
from metrics_api.formats import ExportFormat
from metrics_api.streaming import ROWS_AT_ONCE
from queries.engine import Engine
from queries.exports import Extract, day_window

Advance = Callable[[int], object]
"""Told how many rows there are more."""


class FolderError(Exception):
    """The folder cannot be used; the message names it and says why."""


class ExportFolder:
    """A folder, and what its files were made of: a digest for each, in a file beside them."""

    def __init__(self, path: Path, dataset: str, form: ExportFormat) -> None:
        self.path = path
        self.dataset = dataset
        self.form: ExportFormat = form
        self.digests = path / f".{dataset}.{form}.json"

    def save(self, engine: Engine, extract: Extract, days: list[tuple[date, int]], advance: Advance) -> int:
        """Write the days, each with its number of rows, whose files are missing or not as they would be now. A file is
        there as a whole or not at all.

        Returns:
            How many were written.
        Raises:
            FolderError: the folder cannot be written. LakeError: the lake cannot be read.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            written = 0
            for day, rows in days:
                of_day = replace(extract, window=day_window(day))
                if self._has(of_day):
                    advance(rows)
                else:
                    self._write(engine, of_day, advance)
                    written += 1
        except OSError as error:
            raise FolderError(f"cannot write to {self.path}: {error.strerror or error}") from error
        return written

    def file(self, extract: Extract) -> Path:
        return self.path / f"{self.dataset}-{extract.window.start:%Y-%m-%d}.{self.form}"

    def _has(self, extract: Extract) -> bool:
        file = self.file(extract)
        return file.is_file() and self._known().get(file.name) == extract.digest()

    def _write(self, engine: Engine, extract: Extract, advance: Advance) -> None:
        batches = told(extract.batches(engine, ROWS_AT_ONCE[self.form]), advance)
        part = self.path / f".{self.file(extract).name}.part"
        with part.open("wb") as file:
            for piece in encode(self.form, extract.schema, batches):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.file(extract))
        self._remember(self.file(extract).name, extract.digest())

    def _known(self) -> dict[str, str]:
        try:
            return dict(json.loads(self.digests.read_text()))
        except (FileNotFoundError, ValueError):
            return {}

    def _remember(self, name: str, digest: str) -> None:
        part = self.digests.with_suffix(".part")
        part.write_text(json.dumps(self._known() | {name: digest}, indent=2))
        part.replace(self.digests)


def told(batches: Iterator[pa.RecordBatch], advance: Advance) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch
        advance(batch.num_rows)
