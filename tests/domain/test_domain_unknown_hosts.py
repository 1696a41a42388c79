"""Hosts of an upstream map that no rule can name."""

import pytest

from ecr_emulator.domain.unknown_hosts import mapping_warnings


@pytest.mark.parametrize(
    "host",
    [
        "public.ecr.aws",
        "registry.k8s.io",
        "quay.io",
        "Quay.io",
        "registry-1.docker.io",
        "ghcr.io",
        "registry.gitlab.com",
        "cgr.dev",
        "contoso.azurecr.io",
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
        "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
    ],
)
def test_an_upstream_of_ecr_causes_no_warning(host):
    assert list(mapping_warnings([host], [])) == []


def test_an_allowed_host_causes_no_warning():
    assert (
        list(mapping_warnings(["docker.elastic.co", "nexus.test:5000"], ["Docker.elastic.co", "nexus.test:5000"])) == []
    )


@pytest.mark.parametrize(
    ("host", "meant"),
    [
        ("qauy.io", "quay.io"),
        ("quay.com", "quay.io"),
        ("quay.io:443", "quay.io"),
        ("docker.io", "registry-1.docker.io"),
        ("index.docker.io", "registry-1.docker.io"),
        ("hub.docker.com", "registry-1.docker.io"),
        ("registry.docker.io", "registry-1.docker.io"),
        ("registry1.docker.io", "registry-1.docker.io"),
        ("auth.docker.io", "registry-1.docker.io"),
        ("ghrc.io", "ghcr.io"),
        ("docker.pkg.github.com", "ghcr.io"),
        ("k8s.gcr.io", "registry.k8s.io"),
        ("registry.gitlab.io", "registry.gitlab.com"),
        ("public.ecr.aws.com", "public.ecr.aws"),
        ("cgr.dve", "cgr.dev"),
        ("contoso.azurecr.oi", "contoso.azurecr.io"),
        ("contoso.azure.io", "contoso.azurecr.io"),
        ("contoso.azurecr.io:443", "contoso.azurecr.io"),
        ("123456789012.ecr.eu-central-1.amazonaws.com", "123456789012.dkr.ecr.eu-central-1.amazonaws.com"),
        ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", "123456789012.dkr.ecr.us-east-1.amazonaws.com"),
        ("123456789012.dkr.ecr.us-gov-west-1.amazonaws.org", "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com"),
        ("docker.elastic.com", "docker.elastic.co"),
    ],
)
def test_a_misspelt_upstream_causes_a_warning_with_a_suggestion(host, meant):
    (warning,) = mapping_warnings([host], ["docker.elastic.co"])
    assert warning == (
        f"--upstream-map {host}=…: no rule can name {host}, which is neither an upstream of ECR nor allowed. "
        f"Did you mean {meant}? "
        "Now the entry is used only if an upstream sends requests for tokens or layers to this host."
    )


@pytest.mark.parametrize("host", ["registry.example.com", "cdn.test", "localhost:5000"])
def test_any_other_host_causes_a_warning_with_the_way_to_allow_it(host):
    (warning,) = mapping_warnings([host], [])
    assert f"--allow-upstream {host} lets rules name it" in warning


def test_the_token_service_of_a_mapped_upstream_causes_no_warning():
    assert (
        list(mapping_warnings(["registry-1.docker.io", "auth.docker.io", "gitlab.com", "registry.gitlab.com"], []))
        == []
    )
