"""Inquiry: a question, and what it is put to an Asker with."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from queries.question import Asker
from queries.window import Window

P = ParamSpec("P")
T = TypeVar("T")


class Windowed(Protocol):
    """What is asked about a time."""

    @property
    def window(self) -> Window: ...


Q = TypeVar("Q", bound=Windowed)


@dataclass(frozen=True)
class Inquiry(Generic[T]):
    """Two that are equal have the same answer, of the same version of the lake and for the same actor: all that they
    are made of can be hashed."""

    ask: Callable[..., T]
    question: Windowed
    arguments: tuple[Any, ...]
    named: frozenset[tuple[str, Hashable]]

    @classmethod
    def of(
        cls, ask: Callable[Concatenate[Asker, Q, P], T], question: Q, *arguments: P.args, **named: P.kwargs
    ) -> "Inquiry[T]":
        return cls(ask, question, arguments, frozenset(named.items()))

    def put(self, asker: Asker) -> T:
        return self.ask(asker, self.question, *self.arguments, **dict(self.named))
