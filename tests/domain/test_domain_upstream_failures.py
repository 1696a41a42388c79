"""Failures of upstreams: each can be raised again for a later request."""

import pytest

from ecr_emulator.ports.upstream_failures import UpstreamFailure, WrongBytes
from tests.support.images import an_image


def kinds(base):
    """Return a class and all its subclasses."""
    return [base, *(kind for each in base.__subclasses__() for kind in kinds(each))]


@pytest.mark.parametrize("kind", kinds(UpstreamFailure))
def test_a_failure_can_be_raised_again_with_another_retry_after(kind):
    first = kind("it is down", retry_after=30.0)
    later = first.with_retry_after(5.0)
    assert (type(later), later.reason, later.retry_after) == (kind, "it is down", 5.0)
    assert (later.failure_code, later.message) == (first.failure_code, first.message)
    assert first.retry_after == 30.0


def test_wrong_bytes_keep_their_reason_when_raised_again():
    digest = an_image().digest
    assert WrongBytes.instead_of(digest).with_retry_after(None).reason == f"the upstream sent other bytes than {digest}"
