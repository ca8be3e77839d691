"""Every pitfall: what naive PromQL answers, what we answer, what is true. docs/pitfalls.md says the same."""

from collections.abc import Iterator

import pytest

from tests.pitfalls.answers import Answers, ask
from tests.pitfalls.laboratory import Laboratory, laboratory
from tests.pitfalls.page import PAGE, write_page
from tests.pitfalls.pitfall import GROUPS, PITFALLS, Pitfall


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    with laboratory(tmp_path_factory.mktemp("pitfalls")) as ready:
        yield ready


@pytest.fixture(scope="module")
def answers(own: Laboratory) -> dict[str, Answers]:
    return {pitfall.name: ask(own, pitfall) for pitfall in PITFALLS}


@pytest.mark.parametrize("pitfall", PITFALLS, ids=lambda pitfall: pitfall.name)
def test_we_answer_what_is_true(pitfall: Pitfall, answers: dict[str, Answers]) -> None:
    assert answers[pitfall.name].ours == pytest.approx(pitfall.written.truth.value, abs=1e-6, rel=0)


@pytest.mark.parametrize("pitfall", PITFALLS, ids=lambda pitfall: pitfall.name)
def test_the_naive_answer_is_not_true(pitfall: Pitfall, answers: dict[str, Answers]) -> None:
    assert not answers[pitfall.name].is_naive_true


def test_the_page_says_what_is_answered(answers: dict[str, Answers]) -> None:
    assert PAGE.read_text() == write_page(answers.values()), "python -m tests.pitfalls writes the page anew"


def test_every_group_has_a_pitfall() -> None:
    assert {pitfall.group for pitfall in PITFALLS} == set(GROUPS)


def test_no_two_pitfalls_have_one_title() -> None:
    titles = [pitfall.written.title for pitfall in PITFALLS]
    assert len(set(titles)) == len(titles)
