from metrics_api.deprecations import DEPRECATIONS, NOTICE, VERSIONS
from metrics_api.openapi import describe
from metrics_api.routes import ENDPOINTS


def number(version: str) -> tuple[int, int]:
    major, minor = version.split(".")
    return int(major), int(minor)


def test_everything_stays_for_two_versions_and_six_months() -> None:
    for each in DEPRECATIONS:
        assert each.sunset - each.since >= NOTICE
        major, minor = number(each.version)
        assert number(each.removed_in) > (major, minor + VERSIONS)


def test_every_deprecation_is_in_the_registry_and_of_routes_that_there_are() -> None:
    assert {endpoint.deprecated for endpoint in ENDPOINTS if endpoint.deprecated} == set(DEPRECATIONS)


def test_the_document_marks_what_is_deprecated_and_nothing_else() -> None:
    document = describe(ENDPOINTS)
    for endpoint in ENDPOINTS:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        assert operation.get("deprecated", False) == bool(endpoint.deprecated)
        if endpoint.deprecated:
            assert str(endpoint.deprecated) in operation["description"]


def test_old_paths_are_deprecated_as_a_whole() -> None:
    assert all(endpoint.deprecated for endpoint in ENDPOINTS if endpoint.path.startswith("/v1/k8s/"))
