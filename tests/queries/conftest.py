"""What tests of questions share: lakes of two clusters, one that keeps its samples and one that does not."""

from collections.abc import Iterator

import pandas as pd
import pytest

from queries.engine import Engine
from tests.queries.measured import fill, forget, samples


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """All samples are there."""
    engine = Engine(fill(tmp_path_factory.mktemp("kept")))
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def raw(kept: Engine) -> pd.DataFrame:
    return samples(kept.lake)


@pytest.fixture(scope="session")
def forgotten(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The samples of the first six hours are gone."""
    lake = fill(tmp_path_factory.mktemp("forgotten"))
    forget(lake)
    engine = Engine(lake)
    yield engine
    engine.close()
