"""Challenges in WWW-Authenticate headers, as registries send them."""

import pytest

from ecr_emulator.upstream.challenges import Challenge, parse_challenges, preferred

HUB = Challenge("bearer", {"realm": "https://auth.docker.io/token", "service": "registry.docker.io"})


@pytest.mark.parametrize(
    "header",
    [
        'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"',
        'bearer REALM="https://auth.docker.io/token" , Service=registry.docker.io',
        'Basic realm="docker", Bearer realm="https://auth.docker.io/token",service="registry.docker.io"',
        'Bearer realm="https://auth.docker.io/token",service="registry.docker.io", Basic realm="a, b"',
        'Negotiate, Bearer realm="https://auth.docker.io/token",service="registry.docker.io"',
        'Negotiate YII==, Bearer realm="https://auth.docker.io/token", service="registry.docker.io"',
        'Bearer error="invalid_token", Bearer realm="https://auth.docker.io/token",service="registry.docker.io"',
    ],
)
def test_the_bearer_challenge_is_found_in_whatever_company(header):
    assert preferred(parse_challenges(header)) == HUB


def test_commas_and_escapes_inside_quotes_belong_to_the_value():
    (challenge,) = parse_challenges(r'Bearer realm="https://a/t",scope="repository:a:pull,push",error="a \"b\", c"')
    assert challenge.parameters == {
        "realm": "https://a/t",
        "scope": "repository:a:pull,push",
        "error": 'a "b", c',
    }


def test_basic_is_chosen_where_there_is_nothing_better():
    header = 'Digest realm="x", Basic realm="https://123456789012.dkr.ecr.eu-central-1.amazonaws.com/"'
    chosen = preferred(parse_challenges(header))
    assert chosen is not None
    assert chosen.scheme == "basic"


@pytest.mark.parametrize("header", ["", ",,,", "Digest", 'realm="x"', 'Bearer service="x"', 'Bearer realm="x', "=,=="])
def test_a_challenge_that_cannot_be_met_is_ignored(header):
    assert preferred(parse_challenges(header)) is None
