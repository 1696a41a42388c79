"""Mistakes that users of ``EcrEmulator`` make, and the sentences that name them."""

import re
from datetime import datetime

import pytest

from ecr_emulator import EcrEmulator
from ecr_emulator.seeds.client import CallRefused
from ecr_emulator.testing.running import RunningEcrEmulator


@pytest.fixture(scope="module")
def here():
    with EcrEmulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def running(here):
    with RunningEcrEmulator(here.endpoint_url) as emulator:
        yield emulator


@pytest.fixture(params=["here", "running"])
def emulator(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize(
    ("use", "sentence"),
    [
        (lambda it: it.client(account="12"), "an account is 12 digits, as text, not '12'"),
        (lambda it: it.client(region_name="nowhere"), "a Region is like eu-west-1, not 'nowhere'"),
        (lambda it: it.session(account=123456789012), "an account is 12 digits, as text, not 123456789012"),
        (lambda it: it.registry_of(region="eu"), "a Region is like eu-west-1, not 'eu'"),
        (lambda it: it.push_image("team/app", account="1"), "an account is 12 digits, as text, not '1'"),
        (lambda it: it.push_image("Team/App"), "'Team/App' is not a repository name"),
        (lambda it: it.push_image("team/app:1.0"), "'team/app:1.0' is more than a repository"),
        (lambda it: it.push_image("team/app", platforms="linux/amd64"), "platforms is a list"),
        (lambda it: it.push_image("team/app", referrers="sbom"), "referrers is a list of artifact types"),
        (lambda it: it.push_image("team/app", size=-1), "size must be a whole number above 0, not -1"),
        (
            lambda it: it.push_image("team/app", size="1 MiB"),
            "a number of bytes, or one with a unit like 50MB, not '1 MiB'",
        ),
        (lambda it: it.push_image("team/app", size=1.5), "size must be a whole number above 0, not 1.5"),
        (lambda it: it.push_image("team/app", "a b"), "and does not begin with . or -; 'a b' is none"),
        (lambda it: it.push_image("team/app", ""), "a tag is up to 128 letters, digits and _ . -"),
        (lambda it: it.push_image("team/app", 1.0), "1.0 is none"),
        (lambda it: it.push_image("https://x/app"), "'https://x/app' is a URL; an image is written without https://"),
        (lambda it: it.push_image("team/app", referrers=["nonsense"]), "is like application/spdx+json, not 'nonsense'"),
        (lambda it: it.push_image("team/app", referrers=["a/b/c"]), "is like application/spdx+json, not 'a/b/c'"),
        (lambda it: it.pull("team/app:"), "'' is not a tag"),
        (lambda it: it.pull("https://x/y:1"), "'https://x/y:1' is a URL; an image is written without https://"),
        (lambda it: it.clock.advance(5), "a length of time is like timedelta(hours=25) or '25h', not 5"),
        (lambda it: it.clock.advance("5x"), "'5x' is not a length of time"),
        (lambda it: it.clock.freeze("2030-01-01"), "an instant is like datetime(2030, 1, 1, tzinfo=UTC)"),
        (lambda it: it.clock.set("noon"), "an instant is like datetime(2030, 1, 1, tzinfo=UTC), not 'noon'"),
        (lambda it: it.clock.set(datetime(2030, 1, 1)), "the time needs a time zone"),  # noqa: DTZ001 - the mistake
        (lambda it: it.upstream("https://quay.io"), "Did you mean quay.io?"),
        (lambda it: it.upstream("registry.example.com"), "the hosts of allow_upstream"),
    ],
)
def test_a_mistake_is_named(emulator, use, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        use(emulator)


def test_a_wrong_image_makes_no_repository(emulator):
    with pytest.raises(ValueError, match="'nonsense'"):
        emulator.push_image("team/none", referrers=["application/spdx+json", "nonsense"])
    with pytest.raises(ValueError, match="'a b'"):
        emulator.push_image("team/none", "a b")
    with pytest.raises(emulator.client().exceptions.RepositoryNotFoundException):
        emulator.client().describe_repositories(repositoryNames=["team/none"])


def test_a_wrong_instant_does_not_stop_the_clock(here):
    with pytest.raises(ValueError, match="an instant is like"):
        here.clock.freeze("2030-01-01")
    first = here.clock.now()
    while here.clock.now() == first:
        pass


def test_a_reset_of_a_region_alone_is_refused_and_nothing_is_lost(here):
    here.push_image("team/app")
    with pytest.raises(ValueError, match="a region needs an account"):
        here.reset(region="eu-west-1")
    with pytest.raises(ValueError, match="an account is 12 digits"):
        here.reset(account="12")
    assert here.pull("team/app:latest")


@pytest.mark.parametrize("other", [None, "state.tar"])
def test_only_a_snapshot_is_restored(here, other):
    with pytest.raises(ValueError, match=re.escape(f"restore takes what snapshot() returned, not {other!r}")):
        here.restore(other)


@pytest.mark.parametrize("use", [lambda it: it.snapshot(), lambda it: it.restore(None)])
def test_a_running_emulator_says_what_it_has_instead_of_snapshots(running, use):
    with pytest.raises(NotImplementedError, match=r"no snapshot\(\) and restore\(\): .* ecr_state\. .* save_snapshot"):
        use(running)


def test_an_image_that_is_not_there_is_named(emulator):
    with pytest.raises(CallRefused, match="NAME_UNKNOWN: The repository with name 'team/none' does not exist"):
        emulator.pull("team/none:1.0")


@pytest.mark.parametrize("url", ["localhost:4566", "", "ftp://localhost"])
def test_an_address_without_a_scheme_is_refused(url):
    with pytest.raises(ValueError, match=r"the address of an emulator is like http://localhost:4566, not '"):
        RunningEcrEmulator(url)


@pytest.mark.parametrize(
    "use",
    [
        lambda emulator: emulator.client().describe_repositories(),
        lambda emulator: emulator.push_image("team/app"),
        lambda emulator: emulator.endpoint_url,
        lambda emulator: emulator.clock,
        lambda emulator: emulator.faults,
        lambda emulator: emulator.upstream("quay.io"),
        lambda emulator: emulator.snapshot(),
        lambda emulator: emulator.reset(),
        lambda emulator: emulator.__enter__(),
    ],
)
def test_a_closed_emulator_says_so(closed, use):
    with pytest.raises(RuntimeError, match=r"EcrEmulator\(account='000000000000', region='us-east-1'\) is closed"):
        use(closed)


@pytest.fixture(scope="module")
def closed():
    emulator = EcrEmulator()
    assert emulator.endpoint_url
    assert emulator.faults
    assert emulator.upstream("quay.io")
    emulator.close()
    emulator.close()
    return emulator


def test_clients_and_the_address_of_a_closed_emulator_fail_at_once():
    emulator = EcrEmulator()
    ecr = emulator.client()
    ecr.describe_repositories()
    emulator.close()
    with pytest.raises(RuntimeError, match="is closed"):
        ecr.describe_repositories()
