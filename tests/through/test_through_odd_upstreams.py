"""Upstreams that are odd in what they answer, and none of which may cost a user the pull."""

import pytest

from tests.support.faults import with_headers
from tests.support.upstream_images import multi_arch

NAME = "quay/team/app"


@pytest.mark.parametrize("window", [";w=21600", ""])
def test_imports_do_not_wait_for_ever_for_a_limit_that_was_told_once(here, upstream, window):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    upstream.fail("/manifests/", with_headers(RateLimit_Limit=f"100{window}", RateLimit_Remaining=f"3{window}"))
    here.rule()
    assert here.manifest(NAME, "v1").status_code == 200
    here.settle()
    assert set(here.images(NAME)) == {app.digest}
    here.advance(hours=25)
    assert here.manifest(NAME, "v1").status_code == 200
    here.settle()
    assert set(here.images(NAME)) == {app.digest, *(each.digest for each in app.images)}
    assert here.events()[-1]["sync-status"] == "SUCCESS"
