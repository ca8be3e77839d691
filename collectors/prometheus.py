"""Prometheus: one cluster's, through prometheus_api_client. The only file that knows it."""

import re
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from collectors.decode import LabelSet, RubbishError, Samples, decode, join
from queries.settings import Cluster
from queries.window import Window, milliseconds

SHORTEST = timedelta(minutes=1)
"""A read that is refused as too large is halved down to this length."""

TOO_LARGE = (413, 422, 503, 504)
"""The status codes with which Prometheus and its kin say that a query takes too many samples or too long."""

LONGEST_URL = 4_000
"""Longer queries are sent as POST."""

PIECE = 1 << 20

ALONE = {"Connection": "close"}


class PrometheusError(Exception):
    """A cluster's Prometheus does not give what we need. The message names the cluster, the address and what would be
    right."""


class TooLargeError(PrometheusError):
    """A query takes too many samples or too long; a shorter one may do."""


@dataclass(frozen=True)
class Selector:
    """A series selector: a metric's name, and matchers as PromQL writes them."""

    metric: str
    matchers: tuple[str, ...] = ()

    def where(self, *matchers: str) -> "Selector":
        return Selector(self.metric, (*self.matchers, *matchers))

    def matching(self, *matchers: str) -> "Selector":
        return self.where(*matchers)

    def during(self, length: timedelta, _step: timedelta) -> str:
        """What makes it its raw samples of some time."""
        return f"[{milliseconds(length)}ms]"

    def __str__(self) -> str:
        return f"{self.metric}{{{','.join(self.matchers)}}}" if self.matchers else self.metric


@dataclass(frozen=True)
class Expression:
    """What Prometheus makes of series, at every step: where their raw samples would be too many, or say too little.

    promql: with ``$0``, ``$1`` ... for the selectors. step: how far the answers are apart; without one, the cluster's.
    """

    promql: str
    selectors: tuple[Selector, ...]
    step: timedelta | None = None

    @property
    def metric(self) -> str:
        return self.selectors[0].metric

    def where(self, *_: str) -> "Expression":
        """Cannot be narrowed."""
        return self

    def matching(self, *matchers: str) -> "Expression":
        return Expression(self.promql, tuple(selector.where(*matchers) for selector in self.selectors), self.step)

    def during(self, length: timedelta, step: timedelta) -> str:
        return f"[{milliseconds(length)}ms:{milliseconds(self.step or step)}ms]"

    def __str__(self) -> str:
        promql = re.sub(r"\$(\d+)", lambda place: str(self.selectors[int(place[1])]), self.promql)
        return f"({promql})"


def one_of(label: str, values: Iterable[str]) -> str:
    """A matcher for any of these values, whatever characters they are made of."""
    pattern = "|".join(re.escape(value) for value in sorted(values))
    return f"{label}=~{quote(pattern)}"


def quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


class Prometheus:
    """A connection to one cluster's Prometheus (or Thanos, Mimir, VictoriaMetrics). Several threads may use it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.bytes_read = 0
        self.samples_read = 0
        self.warnings: set[str] = set()
        """What it had to say of its answers, as that a part of them is missing."""
        self._counting = threading.Lock()
        self._url = f"{cluster.prometheus}/api/v1/query"
        self._seconds = cluster.timeout.total_seconds()
        self._session = new_session(cluster)
        self._client = PrometheusConnect(
            url=cluster.prometheus,
            headers=dict(self._session.headers),
            auth=self._session.auth,
            session=self._session,
            retry=Retry(
                total=2, backoff_factor=0.2, status_forcelist=[429, 502], allowed_methods=None, raise_on_status=False
            ),
            timeout=self._seconds,
        )
        self._lengths: dict[str, timedelta] = {}
        self._is_victoria: bool | None = None
        self._match = tuple(f"{label}={quote(value)}" for label, value in cluster.match.items())

    def check(self) -> None:
        """Ask a question that every Prometheus can answer.

        Raises:
            PrometheusError: it cannot be reached, does not let us in, or is no Prometheus.
        """
        with self._explaining():
            self._client.custom_query("vector(1)")

    def peek(self, path: str, **form: str) -> dict[str, Any] | None:
        """What lies at a path, if that is a JSON object: not every server has every path. Asked through a connection of
        its own, so that each of several servers behind an address has its turn.

        Raises:
            PrometheusError: it cannot be reached.
        """
        url, seconds = f"{self.cluster.prometheus}{path}", self.cluster.timeout.total_seconds()
        try:
            with self._explaining(), self._session.get(url, params=form, timeout=seconds, headers=ALONE) as response:
                return msgspec.json.decode(response.content, type=dict[str, Any]) if response.ok else None
        except msgspec.DecodeError:
            return None

    def label_values(self, label: str, selector: Selector, window: Window) -> set[str]:
        """The values of a label, among the series of a selector that had samples around a window. Read from the index
        alone."""
        parameters = {"match[]": self._own(selector), "start": window.start.timestamp(), "end": window.end.timestamp()}
        with self._explaining():
            values = self._client.get_label_values(label, params=parameters)
            return {str(value) for value in values}

    def ask(self, query: str, selector: Selector | Expression, at: datetime) -> list[tuple[LabelSet, float]]:
        """The answer to an instant query, in which ``$selector`` stands for the selector: labels and value of each
        series."""
        body = self._query(query.replace("$selector", self._own(selector)), at)
        try:
            answer = VECTOR_ANSWER.decode(body)
            self.warnings.update(answer.warnings)
            return [(series.metric, float(series.value[1])) for series in answer.data.result]
        except (msgspec.DecodeError, ValueError) as error:
            raise self._error(f"answered {query!r} with something else than Prometheus's JSON: {error}") from None

    def read(self, selector: Selector | Expression, window: Window) -> Samples:
        """Every raw sample of a selector's series in a window; a read that Prometheus refuses as too large is cut in
        pieces."""
        length = self._lengths.get(selector.metric, window.length)
        pieces = [samples for piece in window.split(length) for samples in self._read_pieces(selector, piece)]
        samples = join([piece for piece in pieces if len(piece)] or [Samples.empty()])
        with self._counting:
            self.samples_read += len(samples)
            self.warnings.update(warning for piece in pieces for warning in piece.warnings)
        return samples

    def _read_pieces(self, selector: Selector | Expression, window: Window) -> Iterator[Samples]:
        try:
            yield self._read_piece(selector, window)
        except TooLargeError:
            if window.length < 2 * SHORTEST:
                raise
            for half in window.halves():
                yield from self._read_pieces(selector, half)
            self._lengths[selector.metric] = min(self._lengths.get(selector.metric, window.length), window.length / 2)

    def _read_piece(self, selector: Selector | Expression, window: Window) -> Samples:
        """One query: a range vector as long as the window, asked for a millisecond before its end. The samples are the
        stored ones, with their own times; what lies before the window (old Prometheus counts the far end in) is dropped
        in decoding."""
        query = f"{self._own(selector)}{selector.during(window.length, self.cluster.step)}"
        body = self._query(query, window.end - timedelta(milliseconds=1))
        try:
            return decode(body, round(window.start.timestamp() * 1000), self._tells_ends(body))
        except RubbishError as error:
            raise self._error(
                f"answered a read of {selector.metric} with something else than Prometheus's JSON: {error}"
            ) from None

    def _tells_ends(self, body: bytes) -> bool:
        """Whether each NaN in an answer is a mark that its series has ended. Prometheus keeps marks and true NaNs, and
        tells the latter; VictoriaMetrics keeps marks alone, and tells them."""
        return b'"NaN"' in body and self._is_victoriametrics()

    def _is_victoriametrics(self) -> bool:
        """Whether it understands what MetricsQL has and PromQL has not: the one sign that passes every proxy. Asked
        once."""
        if self._is_victoria is None:
            form = {"query": "vector(1) default 0"}
            with self._explaining(), self._session.post(self._url, data=form, timeout=self._seconds) as response:
                if response.status_code not in (requests.codes.ok, requests.codes.bad_request):
                    raise refusal(response)
                self._is_victoria = response.status_code == requests.codes.ok
        return self._is_victoria

    def _own(self, selector: Selector | Expression) -> str:
        """A selector as it is sent: of an address that holds several clusters, it selects this one's series alone."""
        return str(selector.matching(*self._match))

    def _query(self, query: str, at: datetime) -> bytes:
        deadline = time.monotonic() + self._seconds
        with self._explaining(), self._send(query, at) as response:
            if response.status_code in TOO_LARGE:
                raise self._error(f"refused a query ({response.status_code}): {response.text[:200]}", TooLargeError)
            if response.status_code != requests.codes.ok:
                raise refusal(response)
            body = bytearray()
            while piece := response.raw.read(PIECE, decode_content=True):
                body += piece
                if time.monotonic() > deadline:
                    raise self._error(
                        f"did not finish its answer within {self._seconds:.0f} s (clusters.timeout)", TooLargeError
                    )
        with self._counting:
            self.bytes_read += len(body)
        return bytes(body)

    def _send(self, query: str, at: datetime) -> requests.Response:
        form = {"query": query, "time": f"{at.timestamp():.3f}"}
        if len(query) > LONGEST_URL:
            return self._session.post(self._url, data=form, timeout=self._seconds, stream=True)
        return self._session.get(self._url, params=form, timeout=self._seconds, stream=True)

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Turn what the libraries raise into one error that says what to do."""
        try:
            yield
        except requests.exceptions.SSLError as error:
            raise self._error(f"its certificate is not trusted ({error}); name its CA in clusters.ca") from None
        except requests.Timeout:
            raise self._error(f"did not answer within {self._seconds:.0f} s (clusters.timeout)") from None
        except (requests.JSONDecodeError, KeyError, TypeError) as error:
            raise self._error(
                f"answered with something else than Prometheus's JSON ({error!r}); is it a Prometheus?"
            ) from None
        except requests.exceptions.InvalidHeader:  # which has the header's value in it
            raise self._error("cannot be asked: a header has characters that none may have; see its secrets") from None
        except (requests.RequestException, HTTPError) as error:
            raise self._error(
                f"cannot be reached ({innermost(error)}); is it running, and is clusters.prometheus right?"
            ) from None
        except PrometheusApiClientException as error:
            status = next(iter(re.findall(r"Status Code (\d+)", str(error))), "")
            advice = ADVICE.get(status, "is it a Prometheus?")
            raise self._error(f"refused us: {str(error)[:300]}; {advice}") from None

    def _error(self, problem: str, kind: type[PrometheusError] | None = None) -> PrometheusError:
        return (kind or PrometheusError)(f"cluster {self.cluster.name!r}: {self.cluster.prometheus} {problem}")


def refusal(response: requests.Response) -> PrometheusApiClientException:
    """As the client itself would raise it."""
    return PrometheusApiClientException(f"HTTP Status Code {response.status_code} ({response.content[:200]!r})")


ADVICE = {
    "401": "set clusters.bearer_token or clusters.basic_auth",
    "403": "the token or user may not query; check clusters.bearer_token, clusters.basic_auth and clusters.tenant",
    "404": "clusters.prometheus is the address below which /api/v1/query lies",
}


class Sample(msgspec.Struct, gc=False):
    metric: LabelSet
    value: tuple[float, str]


class Vector(msgspec.Struct, tag_field="resultType", tag="vector"):
    result: list[Sample]


class VectorAnswer(msgspec.Struct):
    data: Vector
    warnings: list[str] = []


VECTOR_ANSWER = msgspec.json.Decoder(VectorAnswer)


def new_session(cluster: Cluster) -> requests.Session:
    """A session with everything that the settings say about how to get in."""
    session = requests.Session()
    session.trust_env = False
    session.verify = str(cluster.ca) if cluster.ca else True
    if cluster.client_certificate:
        certificate = str(cluster.client_certificate)
        session.cert = (certificate, str(cluster.client_key)) if cluster.client_key else certificate
    session.headers.update({name: secret.get_secret_value() for name, secret in cluster.headers.items()})
    session.headers["Accept-Encoding"] = "gzip" if cluster.gzip else "identity"
    if cluster.tenant:
        session.headers["X-Scope-OrgID"] = cluster.tenant
    if cluster.bearer_token:
        session.headers["Authorization"] = f"Bearer {cluster.bearer_token.get_secret_value()}"
    if cluster.basic_auth:
        session.auth = (cluster.basic_auth.username, cluster.basic_auth.password.get_secret_value())
    return session


def innermost(error: BaseException) -> str:
    """The cause that says what happened, without the layers around it."""
    found = re.search(
        r"\[Errno \d+] [^'\")\]]+|Name or service not known|[Cc]onnection (?:refused|reset by peer|aborted)", str(error)
    )
    return found[0] if found else str(error)[:200]
