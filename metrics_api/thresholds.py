"""Thresholds: what counts as waste, as query parameters; for all types of workloads, or for one of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from metrics_api.parameters import Parameters
from queries.duration import format_duration, parse_duration
from queries.workload_types import DEFAULTS, THRESHOLDS, WORKLOAD_TYPES, Policy, WorkloadType

Value = tuple[WorkloadType | None, float | timedelta]
"""A threshold of one type, or of all."""


def of_type(read: Callable[[str], float | timedelta]) -> Callable[[object], Value]:
    """Read a threshold as it is written: 0.1, or serving:0.1."""

    def read_threshold(text: object) -> Value:
        head, colon, rest = str(text).partition(":")
        if not colon:
            return None, read(head)
        for known in WORKLOAD_TYPES:
            if head == known:
                return known, read(rest)
        raise ValueError(f"unknown type {head!r} in {text!r}; types are: {', '.join(WORKLOAD_TYPES)}")

    return read_threshold


def read_ratio(text: str) -> float:
    return read_number(text, 1, "a ratio; write a number from 0 to 1")


def read_bytes(text: str) -> float:
    return read_number(text, 1e15, "a number of bytes; write a number from 0 to 1e15")


def read_number(text: str, most: float, right: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= most:
        raise ValueError(f"{text!r} is not {right}")
    return number


def defaults(name: str) -> str:
    values = {each: getattr(DEFAULTS[each], name) for each in WORKLOAD_TYPES}
    written = {
        each: format_duration(value) if isinstance(value, timedelta) else f"{value:g}" for each, value in values.items()
    }
    return "Without it: " + ", ".join(f"{each}:{value}" for each, value in written.items()) + "."


def described(name: str, what: str) -> Any:
    return Field((), description=f"{what} As a value for all types of workloads, or type:value. {defaults(name)}")


TEXT = WithJsonSchema({"type": "string"})
Ratios = tuple[Annotated[Value, BeforeValidator(of_type(read_ratio)), TEXT], ...]
Bytes = tuple[Annotated[Value, BeforeValidator(of_type(read_bytes)), TEXT], ...]
Durations = tuple[Annotated[Value, BeforeValidator(of_type(parse_duration)), TEXT], ...]


class Thresholded(Parameters):
    """Parameters of questions that tell waste."""

    active_above: Ratios = described(
        "active_above", "A GPU whose utilization is higher at any time of an hour is active."
    )
    never_used_after: Durations = described("never_used_after", "Held and idle so long, and never active.")
    idle_tail_after: Durations = described("idle_tail_after", "Idle so long since the last activity.")
    judged_after: Durations = described("judged_after", "Measured so long before its utilization is judged.")
    low_utilization_below: Ratios = described("low_utilization_below", "A lower mean utilization is low.")
    oversized_memory_below: Ratios = described(
        "oversized_memory_below", "A smaller share of its memory, at the most that was used, is little for a GPU."
    )
    oversized_utilization_below: Ratios = described(
        "oversized_utilization_below", "A GPU that uses little memory and is utilized less is too large."
    )
    no_process_after: Durations = described("no_process_after", "Held so long while no process had memory on it.")
    no_process_memory_below_bytes: Bytes = described(
        "no_process_memory_below_bytes", "A process uses at least so much memory."
    )

    def policy(self) -> Policy:
        """The defaults, then what is said of all types, then what is said of one."""
        policy = dict(DEFAULTS)
        for name in THRESHOLDS:
            values: tuple[Value, ...] = getattr(self, name)
            for of, value in sorted(values, key=lambda each: each[0] is not None):
                for each in [of] if of else WORKLOAD_TYPES:
                    changed: dict[str, Any] = {name: value}
                    policy[each] = replace(policy[each], **changed)
        return policy
