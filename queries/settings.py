"""Settings: the configuration file and its environment variables, as one frozen model."""

import difflib
import os
import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from queries.departments import Department, check_departments
from queries.duration import Duration, format_duration
from queries.prices import Price, check_prices

PREFIX = "METRICS_API_"

LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
"""What Prometheus takes for the name of a label."""


class SettingsError(Exception):
    """The configuration cannot be used; the message names each key, its value and what would be right."""


def resolve_secret(text: str) -> str:
    """``env:NAME`` and ``file:/path`` stand for what the variable or the file holds; other text for itself."""
    kind, _, place = text.partition(":")
    if kind == "env":
        if place not in os.environ:
            raise ValueError(f"the environment variable {place!r} is not set")
        return os.environ[place]
    if kind == "file":
        try:
            return Path(place).read_text().strip()
        except OSError as error:
            raise ValueError(f"cannot read {place}: {error.strerror}") from None
    return text


AS_WRITTEN = {"secrets": "as written"}
"""The context in which references to secrets, and files, are not looked up where they are read."""


def resolved(secret: SecretStr, info: ValidationInfo) -> SecretStr:
    return secret if info.context == AS_WRITTEN else SecretStr(resolve_secret(secret.get_secret_value()))


Secret = Annotated[SecretStr, AfterValidator(resolved)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Server(Section):
    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65_535)
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """The addresses and networks whose X-Forwarded-For is believed: who guesses passwords is slowed by address."""


class Retention(Section):
    samples: Duration = timedelta(days=30)
    rollups: Duration = timedelta(days=5 * 365)


class Store(Section):
    path: str = "./data"
    """The folder of the lake."""
    control: str | None = None
    """The control database as a URL; without one, SQLite beside the lake."""
    retention: Retention = Retention()

    @property
    def control_url(self) -> str:
        return self.control or f"sqlite:///{Path(self.path).absolute() / 'control.sqlite'}"


class Oidc(Section):
    """An identity provider whose tokens are taken as they are."""

    issuer: str
    audience: str
    jwks_url: str
    """Where the keys are that it signs with."""
    username_claim: str = "email"
    groups_claim: str = "groups"
    """The groups that access rules name."""
    tenant: str = "default"
    """The tenant that its users belong to."""

    @field_validator("jwks_url")
    @classmethod
    def is_a_url(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("write the address of the keys, as in https://idp.example.com/keys")
        return url


class Auth(Section):
    mode: Literal["required", "off"] = "required"
    metrics: Literal["public", "required"] = "public"
    """Whether /metrics wants a token too: an access key of a user who may see the service's own metrics."""
    token_lifetime: Duration = Field(timedelta(hours=24), ge=timedelta(minutes=2))
    refresh_lifetime: Duration = timedelta(days=7)
    key_lifetime: Duration = Field(timedelta(days=30), ge=timedelta(hours=1))
    """How long a key signs before another one does."""
    secrets_folder: Path | None = None
    """Clusters that are registered by the API may have secrets in files of this folder, and in no other."""
    secrets_prefix: str = Field("CLUSTER_SECRET_", min_length=1)
    """They may have secrets in environment variables whose names begin so, and in no others."""
    oidc: Oidc | None = None


class Collect(Section):
    tick: Duration = timedelta(seconds=60)
    """How often the open hour is written again."""
    grace: Duration = timedelta(minutes=10)
    """How long after its end an hour is still written again, for samples that come late."""


class Limits(Section):
    """What a question may take. One that wants more is stopped, and told so."""

    window: Duration = timedelta(days=10 * 365)
    """The longest time that may be asked about."""
    rows: int = Field(1_000_000, ge=1)
    """The most rows of an answer. Exports have as many as there are."""
    time: Duration = timedelta(seconds=30)
    """The longest that a question may take, waiting for others included."""
    questions: int = Field(8, ge=1)
    """How many questions about up to a day, and how many others, are answered at once; the rest waits, and who asks
    the most waits longest."""
    exports: int = Field(6, ge=1)
    """How many exports there are at once; others are refused. One account never has all of them."""
    requests_per_minute: int = Field(300_000, ge=0)
    """The most requests of an account, or of an address where nobody signs in; with 0, as many as come. All may come at
    once. Neither asking for a token nor health is counted."""
    body_bytes: int = Field(1 << 20, ge=1_000)
    """The largest body of a request."""
    request_time: Duration = Field(timedelta(seconds=20), ge=timedelta(seconds=1))
    """The longest that a client may take to send its request."""
    patience: Duration = timedelta(seconds=60)
    """How long the client of an export may take for a piece of it (some megabytes)."""
    cache_bytes: int = Field(100_000_000, ge=0)
    """How much memory is used for answers that may be asked for again."""
    hot_bytes: int = Field(500_000_000, ge=0)
    """How much memory is used for the newest part of the ledger, packed; the rest is read from its files. Making it
    takes more for a moment."""
    listed_bytes: int = Field(500_000_000, ge=0)
    """How much memory is used for the lists of workloads and pods, packed; else they are made of the lake's files anew
    whenever they are asked for."""


class BasicAuth(Section):
    username: str
    password: Secret


class Labels(Section):
    """Which pod and node labels (as kube-state-metrics spells them, without ``label_``) name what; the first found
    counts."""

    project: tuple[str, ...] = (
        "project",
        "run_ai_project",
        "runai_project",
        "kueue_x_k8s_io_queue_name",
        "determined_ai_workspace",
    )
    user: tuple[str, ...] = ("user", "run_ai_user", "runai_user", "owner", "submitted_by", "determined_ai_user")
    node_pool: tuple[str, ...] = ("run_ai_node_pool", "runai_node_pool", "cloud_google_com_gke_nodepool", "node_pool")
    workload: dict[str, str] = {
        "workflows_argoproj_io_workflow": "Workflow",
        "jobset_sigs_k8s_io_jobset_name": "JobSet",
        "ray_io_cluster": "RayCluster",
        "leaderworkerset_sigs_k8s_io_name": "LeaderWorkerSet",
        "determined_ai_experiment_id": "DeterminedExperiment",
        "determined_ai_task_id": "DeterminedTask",
    }
    """Labels that frameworks put on their pods, and the kind of workload that each names."""


CLUSTER_NAME = r"^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$"


class Cluster(Section):
    name: str = Field(pattern=CLUSTER_NAME)
    prometheus: str
    match: dict[str, str] = {}
    """Labels that a series must carry, with these values, to be this cluster's: where one address holds several."""
    step: Duration = timedelta(seconds=60)
    backfill: Duration = timedelta(days=30)
    honor_labels: Literal["auto", True, False] = "auto"
    utilization_source: Literal["auto", "graphics_engine", "kernel"] = "auto"
    vocabularies: Literal["auto"] | tuple[str, ...] = "auto"
    """Which exporters are read; auto: those that are there."""
    labels: Labels = Labels()
    projects: dict[str, str] = {}
    """Which namespaces (or Slurm accounts), as patterns like ``team-*``, are which project; a ``*`` there stands for
    what the pattern's ``*`` stands for. The first that fits counts."""
    carbon_intensity: float | None = Field(None, ge=0, allow_inf_nan=False)
    """Grams of CO2e that a kWh stands for where the cluster is."""
    headers: dict[str, Secret] = {}
    basic_auth: BasicAuth | None = None
    bearer_token: Secret | None = None
    ca: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    timeout: Duration = timedelta(seconds=30)
    gzip: bool = False
    tenant: str | None = None

    @field_validator("prometheus")
    @classmethod
    def is_a_url(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("write the address of a Prometheus, as in http://127.0.0.1:9090")
        return url.rstrip("/")

    @field_validator("match")
    @classmethod
    def names_labels(cls, match: dict[str, str]) -> dict[str, str]:
        for label in match:
            if not LABEL.fullmatch(label) or label == "__name__":
                raise ValueError(f'{label!r} is not the name of a label; write as in match = {{ cluster = "c1" }}')
        return match

    @field_validator("step")
    @classmethod
    def divides_the_hour(cls, step: timedelta) -> timedelta:
        if timedelta(hours=1) % step or step < timedelta(seconds=1):
            raise ValueError("a step divides one hour and is at least one second, as in 15s, 30s, 60s or 5m")
        return step

    @field_validator("ca", "client_certificate", "client_key")
    @classmethod
    def exists(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if path and info.context != AS_WRITTEN and not path.is_file():
            raise ValueError("there is no such file")
        return path

    @model_validator(mode="after")
    def has_one_identity(self) -> Self:
        if self.basic_auth and self.bearer_token:
            raise ValueError("basic_auth and bearer_token exclude each other; keep one")
        return self


class Settings(BaseSettings):
    """What the service runs with. Read once, by ``Settings.load``."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__")

    server: Server = Server()
    store: Store = Store()
    auth: Auth = Auth()
    collect: Collect = Collect()
    limits: Limits = Limits()
    clusters: tuple[Cluster, ...] = ()
    prices: Annotated[tuple[Price, ...], AfterValidator(check_prices)] = ()
    departments: Annotated[tuple[Department, ...], AfterValidator(check_departments)] = ()

    @field_validator("clusters")
    @classmethod
    def have_names_of_their_own(cls, clusters: tuple[Cluster, ...]) -> tuple[Cluster, ...]:
        names = [cluster.name for cluster in clusters]
        taken = sorted({name for name in names if names.count(name) > 1})
        if taken:
            raise ValueError(f"cluster names are unique; {', '.join(taken)} appears more than once")
        return clusters

    @model_validator(mode="after")
    def keep_what_they_fill(self) -> Self:
        for cluster in self.clusters:
            self.check_backfill(cluster)
        return self

    def check_backfill(self, cluster: Cluster) -> None:
        """Raises:
        ValueError: of what a cluster is filled with, some would be dropped at once.
        """
        kept = self.store.retention.rollups
        if cluster.backfill > kept:
            raise ValueError(
                f"the backfill of cluster {cluster.name!r} ({format_duration(cluster.backfill)}) is longer than"
                f" store.retention.rollups ({format_duration(kept)}): hours would be filled and dropped in turn;"
                " shorten the one or lengthen the other"
            )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @classmethod
    def load(cls, path: Path | None) -> "Settings":
        """Read the configuration file (none: defaults), then the environment, which wins.

        Raises:
            SettingsError: a key is unknown or a value unusable; the message names them all.
        """
        if path and not path.is_file():
            raise SettingsError(f"{path}: there is no such configuration file")

        class FromFile(Settings):
            model_config = SettingsConfigDict(toml_file=path)

        try:
            settings = FromFile()
        except ValidationError as error:
            raise SettingsError("\n".join(explain(problem, path) for problem in error.errors())) from None
        except ValueError as error:  # not TOML, or an environment variable that is not JSON
            raise SettingsError(f"{path or 'environment'}: {error}") from None
        refuse_unknown_variables()
        return settings


def explain(problem: Any, path: Path | None) -> str:
    """One line a problem: the key as it is written in the file, its value, and what would be right."""
    key = ".".join(str(part) for part in problem["loc"])
    where = path or "environment"
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown key {key!r}{suggest(problem['loc'])}"
    value = "" if isinstance(problem["input"], (dict, list)) else f" = {problem['input']!r}"
    if "secret" in key or "password" in key or "token" in key:
        value = ""
    what = f"{key}{value}: " if key else ""
    return f"{where}: {what}{problem['msg'].removeprefix('Value error, ')}"


def suggest(location: tuple[int | str, ...]) -> str:
    """The key that was probably meant, or all that there are at this place."""
    model: Any = Settings
    for part in location[:-1]:
        if isinstance(part, str):
            model = section_of(model, part)
    known = sorted(model.model_fields)
    near = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known keys here are: {', '.join(known)}"


@cache
def section_of(model: type[BaseModel], key: str) -> type[BaseModel]:
    annotation = model.model_fields[key].annotation
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    raise KeyError(key)


def refuse_unknown_variables() -> None:
    """An environment variable with our prefix that names no key is a mistake, not a wish."""
    for name in sorted(os.environ):
        if name.startswith(PREFIX):
            key, *rest = name.removeprefix(PREFIX).lower().split("__")
            if key not in Settings.model_fields:
                raise SettingsError(f"environment: unknown variable {name}{suggest((key,))}")
            if rest and rest[0] not in section_of(Settings, key).model_fields:
                raise SettingsError(f"environment: unknown variable {name}{suggest((key, rest[0]))}")
