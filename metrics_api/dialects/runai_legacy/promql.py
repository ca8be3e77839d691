"""PromQL: as much of it as Run:ai's metrics API was asked. A name with matchers, and one aggregation around it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import promql_parser
import pyarrow as pa
import pyarrow.compute as pc

from queries.duration import parse_duration
from queries.metric_types import SERIES, Series

Operator = Literal["=", "!=", "=~", "!~"]

OPERATORS: dict[str, Operator] = {
    "MatchOp.Equal": "=",
    "MatchOp.NotEqual": "!=",
    "MatchOp.Re": "=~",
    "MatchOp.NotRe": "!~",
}

AGGREGATIONS = ("sum", "avg", "max", "min", "count")

LONGEST = 4_000
"""Characters of a query."""

ANSWERED = "answered are a runai_* name with label matchers, and sum, avg, max, min or count by (...) of it"


class BadQueryError(ValueError):
    """A query that is not answered; the message says why, and what is."""


@dataclass(frozen=True)
class Matcher:
    label: str
    operator: Operator
    value: str

    def holds(self, values: pa.Array) -> pa.Array:
        """Of which values of the label it holds; a label that is not there is empty."""
        if self.operator in ("=", "!="):
            is_met = pc.equal(values, self.value)
        else:
            is_met = pc.match_substring_regex(values, f"^(?:{self.value})$")
        return pc.invert(is_met) if self.operator.startswith("!") else is_met


@dataclass(frozen=True)
class Query:
    """The series that is asked for, of which labels, and how it is aggregated: by some labels, or not at all."""

    series: Series
    matchers: tuple[Matcher, ...]
    aggregation: str | None = None
    by: tuple[str, ...] = ()


def parse(text: str) -> Query:
    """Read a query.

    Raises:
        BadQueryError: it is no PromQL, or more than is answered.
    """
    if len(text) > LONGEST:
        raise BadQueryError(f"the query has {len(text)} characters; at most {LONGEST} are read")
    try:
        return read(promql_parser.parse(text))
    except BadQueryError:
        raise
    except ValueError as error:
        raise BadQueryError(f'invalid parameter "query": {error}') from None


def read(expression: promql_parser.Expr) -> Query:
    if isinstance(expression, promql_parser.ParenExpr):
        return read(expression.expr)
    if isinstance(expression, promql_parser.VectorSelector):
        return select(expression)
    if isinstance(expression, promql_parser.AggregateExpr):
        return aggregate(expression)
    raise BadQueryError(f"{expression} is not answered; {ANSWERED}")


def select(selector: promql_parser.VectorSelector) -> Query:
    """A name with matchers."""
    if selector.offset or selector.at:
        raise BadQueryError(f"{selector}: offset and @ are not answered; {ANSWERED}")
    if selector.matchers.or_matchers:
        raise BadQueryError(f"{selector}: or is not answered; {ANSWERED}")
    matchers = [Matcher(each.name, OPERATORS[str(each.op)], each.value) for each in selector.matchers.matchers]
    names = [each.value for each in matchers if each.label == "__name__" and each.operator == "="]
    name = selector.name or next(iter(names), None)
    if name not in SERIES:
        raise BadQueryError(f"there is no series {name!r}; there are: {', '.join(SERIES)}")
    rest = tuple(each for each in matchers if each.label != "__name__")
    for each in rest:
        check_expression(each)
    return Query(SERIES[name], rest)


def check_expression(matcher: Matcher) -> None:
    try:
        matcher.holds(pa.array([""]))
    except pa.ArrowInvalid as error:
        raise BadQueryError(f"{matcher.value!r} is not a regular expression: {error}") from None


def aggregate(expression: promql_parser.AggregateExpr) -> Query:
    aggregation, modifier = str(expression.op), expression.modifier
    if aggregation not in AGGREGATIONS or expression.param is not None:
        raise BadQueryError(f"{aggregation} is not answered; {ANSWERED}")
    if modifier and modifier.type != promql_parser.AggModifierType.By:
        raise BadQueryError(f"{expression}: without is not answered; {ANSWERED}")
    inner = read(expression.expr)
    if inner.aggregation:
        raise BadQueryError(f"{expression}: one aggregation is answered, not one of another")
    labels = tuple(dict.fromkeys(modifier.labels)) if modifier else ()
    return Query(inner.series, inner.matchers, aggregation, labels)


def read_seconds(text: str) -> timedelta:
    """A step: seconds, or a duration as PromQL writes it.

    Raises:
        ValueError: it is neither, or not above zero.
    """
    try:
        step = timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        step = parse_duration(text)
    if step < timedelta(milliseconds=1):
        raise ValueError(f"step = {text!r}: a step is longer than zero")
    return step
