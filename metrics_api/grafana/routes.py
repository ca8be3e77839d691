"""The datasource's routes. Its address, with or without a slash, is its health check."""

from metrics_api.endpoint import Endpoint
from metrics_api.grafana import query, variables
from metrics_api.grafana.endpoint import asked, read

DATASOURCE: tuple[Endpoint, ...] = (
    read("", variables.check_health, "Whether the datasource can be used"),
    read("/", variables.check_health_with_slash, "Whether the datasource can be used (SimpleJSON)"),
    read("/query", query.read_rows, "A target as rows (Infinity, JSON API)"),
    asked("/query", query.answer_panel, "The targets of a panel"),
    asked("/search", variables.search, "Targets, or values of a dimension (SimpleJSON)"),
    asked("/metrics", variables.list_metrics, "Targets and their payloads"),
    asked("/metric-payload-options", variables.list_payload_options, "The values of a payload's field"),
    asked("/variable", variables.list_options, "What a variable can be"),
    asked("/annotations", query.list_annotations, "The hours that were not collected (SimpleJSON)"),
    asked("/tag-keys", variables.list_tag_keys, "The keys of ad-hoc filters"),
    asked("/tag-values", variables.list_tag_values, "The values of an ad-hoc filter's key"),
)
