"""Blobs from upstreams that break off, send wrong ranges, or redirect to storage."""

import gzip
from threading import Event

import pytest

from ecr_emulator.ports.secrets import Credential
from ecr_emulator.ports.upstream_failures import UpstreamAccessDenied, UpstreamNotFound, UpstreamUnavailable
from ecr_emulator.testing.upstream.auth import Bearer
from ecr_emulator.testing.upstream.faults import (
    answers,
    corrupted,
    cut_after,
    hang_up,
    ignores_range,
    lengthened_by,
    redirects,
    reset_after,
    stalls,
    truncated_to,
    with_headers,
    wrong_range,
)
from ecr_emulator.testing.upstream.images import layer

NAME = "library/nginx"
BLOB = layer("blob", 3_000_000)
MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def blob(hub):
    hub.add_blobs(NAME, BLOB)


def read(upstream, offset=0, size=BLOB.size):
    return b"".join(upstream.blob(NAME, BLOB.digest, size, offset))


def ranges(hub):
    return [request.headers["Range"] for request in hub.requests]


def test_a_blob_arrives_in_pieces_of_at_most_1_mib(hub, adapter):
    pieces = list(adapter.at().blob(NAME, BLOB.digest, BLOB.size))
    assert b"".join(pieces) == BLOB.raw
    assert max(map(len, pieces)) <= 1024 * 1024
    assert [(request.method, request.headers["Range"]) for request in hub.requests] == [("GET", None)]
    assert hub.requests[0].headers["Accept-Encoding"] == "identity"


def test_the_first_bytes_do_not_wait_for_more(hub, adapter):
    go_on = Event()
    hub.fail("/blobs/", stalls(go_on, after=10))
    pieces = adapter.at().blob(NAME, BLOB.digest, BLOB.size)
    assert next(pieces) == BLOB.raw[:10]
    go_on.set()
    assert b"".join(pieces) == BLOB.raw[10:]


def test_a_blob_can_be_read_from_an_offset(hub, adapter):
    assert read(adapter.at(), offset=1_000) == BLOB.raw[1_000:]
    assert ranges(hub) == ["bytes=1000-"]


def test_a_complete_image_causes_no_requests(hub, adapter):
    assert read(adapter.at(), offset=BLOB.size) == b""
    assert read(adapter.at(), size=0) == b""
    assert hub.requests == []


def test_a_blob_that_breaks_off_goes_on_where_it_broke(hub, adapter):
    hub.fail("/blobs/", cut_after(MIB))
    assert read(adapter.at()) == BLOB.raw
    assert ranges(hub) == [None, f"bytes={MIB}-"]
    assert sum(sum(request.sent) for request in hub.requests) == BLOB.size
    assert adapter.pauses == []


@pytest.mark.parametrize("fault", [reset_after(MIB), truncated_to(MIB)], ids=["reset", "truncated"])
def test_other_breaks_are_mended_too(hub, adapter, fault):
    hub.fail("/blobs/", fault)
    assert read(adapter.at()) == BLOB.raw
    assert hub.count("GET", "/blobs/") == 2


def test_a_blob_that_stalls_goes_on_over_another_connection(hub, adapter):
    adapter.idle = 0.5
    hub.fail("/blobs/", stalls(Event(), after=MIB))
    assert read(adapter.at()) == BLOB.raw
    assert ranges(hub) == [None, f"bytes={MIB}-"]


def test_silence_before_the_first_byte_is_mended_too(hub, adapter):
    adapter.idle = 0.5
    hub.fail("/blobs/", stalls(Event()))
    assert read(adapter.at()) == BLOB.raw


def test_a_blob_may_break_off_any_number_of_times_while_it_moves(hub, adapter):
    hub.fail("/blobs/", cut_after(256 * 1024), count=11)
    assert read(adapter.at()) == BLOB.raw
    assert len(hub.requests) == 12


@pytest.mark.parametrize("progress", [0, 10])
def test_a_blob_that_does_not_move_is_given_up_after_five_resumes(hub, adapter, progress):
    hub.fail("/blobs/", cut_after(progress), count=99)
    with pytest.raises(UpstreamUnavailable, match=f"broke off at byte {progress * 6} of 3000000 again and again"):
        read(adapter.at())
    assert len(hub.requests) == 6
    assert adapter.pauses == [0.5, 1.0, 2.0, 4.0]


def test_an_upstream_that_is_away_for_a_while_is_waited_for(hub, adapter):
    hub.fail("/blobs/", cut_after(MIB))
    hub.fail("/blobs/", hang_up(), count=6)
    assert read(adapter.at()) == BLOB.raw
    assert ranges(hub) == [None] + [f"bytes={MIB}-"] * 7
    assert adapter.pauses == [0.5, 1.0, 0.5, 0.5, 1.0, 1.0], "between tries, and between resumes"


def test_an_upstream_that_does_not_come_back_is_given_up_after_five_resumes(hub, adapter):
    hub.fail("/blobs/", cut_after(MIB))
    hub.fail("/blobs/", answers(503), count=99)
    with pytest.raises(UpstreamUnavailable, match=f"broke off at byte {MIB} of 3000000 again and again: .* 503"):
        read(adapter.at())
    assert len(hub.requests) == 1 + 5 * 3


def test_an_upstream_that_ignores_ranges_is_read_from_the_start(hub, adapter):
    hub.fail("/blobs/", cut_after(MIB))
    hub.fail("/blobs/", ignores_range())
    assert read(adapter.at()) == BLOB.raw
    assert ranges(hub) == [None, f"bytes={MIB}-"]


@pytest.mark.parametrize("fault", [wrong_range(), answers(416), answers(206, b"x")], ids=["wrong", "416", "unsaid"])
def test_after_a_wrong_range_the_whole_is_asked_for(hub, adapter, fault):
    hub.fail("/blobs/", cut_after(MIB))
    hub.fail("/blobs/", fault)
    assert read(adapter.at()) == BLOB.raw
    assert ranges(hub) == [None, f"bytes={MIB}-", None]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 412, 501])
def test_after_a_refused_range_the_whole_is_asked_for(hub, adapter, status):
    hub.fail("/blobs/", cut_after(MIB))
    hub.fail(lambda request: "Range" in request.headers, answers(status), count=99)
    assert read(adapter.at()) == BLOB.raw
    assert ranges(hub) == [None, f"bytes={MIB}-", None]
    assert adapter.pauses == []


@pytest.mark.parametrize("label", ["gzip", "x-gzip", "zstd", "utf-8"])
@pytest.mark.parametrize("where", ["from the start", "going on"])
def test_the_right_bytes_are_right_whatever_their_label_says(hub, adapter, label, where):
    if where == "going on":
        hub.fail("/blobs/", cut_after(MIB))
    hub.fail("/blobs/", with_headers(Content_Encoding=label))
    assert read(adapter.at()) == BLOB.raw


def test_a_compressed_blob_is_refused_before_its_first_byte(hub, adapter):
    compressed = gzip.compress(BLOB.raw[:MIB])
    hub.fail("/blobs/", answers(200, compressed, Content_Encoding="gzip"))
    with pytest.raises(UpstreamUnavailable, match="it is gzip-encoded, though asked not to be"):
        next(iter(adapter.at().blob(NAME, BLOB.digest, BLOB.size)))


def test_a_part_that_nobody_asked_for_is_refused(hub, adapter):
    hub.fail("/blobs/", wrong_range(), count=9)
    with pytest.raises(UpstreamUnavailable, match="answered 206"):
        read(adapter.at())


def test_a_blob_that_is_longer_than_its_manifest_says_is_refused_before_its_first_byte(hub, adapter):
    hub.fail("/blobs/", lengthened_by(b"more"))
    with pytest.raises(UpstreamUnavailable, match="it has 3000004 bytes, and its manifest says 3000000"):
        next(iter(adapter.at().blob(NAME, BLOB.digest, BLOB.size)))


def test_a_blob_that_is_too_short_is_given_up(adapter):
    with pytest.raises(UpstreamUnavailable):
        read(adapter.at(), size=BLOB.size + 1)


def test_wrong_bytes_are_passed_on_for_the_reader_to_find(hub, adapter):
    hub.fail("/blobs/", corrupted())
    assert len(read(adapter.at())) == BLOB.size


def test_a_reader_may_leave_early(hub, adapter):
    pieces = adapter.at().blob(NAME, BLOB.digest, BLOB.size)
    next(pieces)
    pieces.close()
    assert len(hub.requests) == 1


@pytest.mark.parametrize("fault", [answers(503), hang_up()], ids=["503", "hangs up"])
def test_a_blob_is_asked_for_three_times(hub, adapter, fault):
    hub.fail("/blobs/", fault, count=99)
    with pytest.raises(UpstreamUnavailable):
        read(adapter.at())
    assert len(hub.requests) == 3


def test_a_blob_that_is_not_there_is_not_found(hub, adapter):
    hub.remove(NAME, BLOB.digest)
    with pytest.raises(UpstreamNotFound, match=BLOB.digest):
        read(adapter.at())


def test_a_token_that_ends_in_the_middle_is_replaced(hub, adapter):
    hub.auth = Bearer()
    hub.fail("/blobs/", cut_after(MIB), skip=1)
    pieces = adapter.at().blob(NAME, BLOB.digest, BLOB.size)
    first = next(pieces)
    hub.revoke_tokens()
    assert first + b"".join(pieces) == BLOB.raw
    assert hub.count("GET", "/token") == 2


class TestBlobsThatAreKeptElsewhere:
    @pytest.fixture
    def cdn(self, hub, adapter, new_upstream):
        """A storage service to which the registry redirects, each time with another signature."""
        server = new_upstream()
        server.add_file("/b", BLOB.raw)
        adapter.addresses["cdn.example.com"] = server.url
        for number in range(1, 5):
            hub.fail("GET /blobs/", redirects(f"https://cdn.example.com/b?signature={number}"))
        return server

    def test_blobs_are_never_requested_with_head(self, adapter, cdn):
        assert read(adapter.at()) == BLOB.raw
        assert [request.method for request in cdn.requests] == ["GET"]

    def test_going_on_starts_at_the_registry(self, hub, adapter, cdn):
        cdn.fail("/b", cut_after(MIB))
        assert read(adapter.at()) == BLOB.raw
        assert ranges(hub) == [None, f"bytes={MIB}-"]
        assert [request.query for request in cdn.requests] == ["signature=1", "signature=2"]

    @pytest.mark.parametrize("status", [400, 403])
    def test_an_expired_address_is_renewed_once(self, hub, adapter, cdn, status):
        cdn.fail("/b", status=status, body=b"<Error><Code>AccessDenied</Code></Error>")
        assert read(adapter.at(credential=Credential("somebody", "token"))) == BLOB.raw
        assert len(hub.requests) == 2

    @pytest.mark.parametrize("status", [400, 403, 501])
    def test_a_storage_service_that_refuses_ranges_is_asked_for_the_whole(self, hub, adapter, cdn, status):
        cdn.fail("/b", cut_after(MIB))
        cdn.fail(lambda request: "Range" in request.headers, answers(status), count=99)
        assert read(adapter.at()) == BLOB.raw
        assert ranges(cdn) == [None, f"bytes={MIB}-", None]
        assert ranges(hub) == [None, f"bytes={MIB}-", None]

    def test_an_address_that_stays_shut_is_no_matter_of_the_credential(self, hub, adapter, cdn):
        cdn.fail("/b", status=403, count=9)
        with pytest.raises(UpstreamUnavailable, match=r"cdn\.example\.com .*, to which \S+ redirects, answered 403"):
            read(adapter.at(credential=Credential("somebody", "token")))
        assert len(hub.requests) == 2

    def test_the_registry_itself_can_still_refuse(self, hub, adapter):
        hub.fail("/blobs/", status=403, count=9)
        with pytest.raises(UpstreamAccessDenied):
            read(adapter.at(credential=Credential("somebody", "token")))
        assert hub.count("GET", "/blobs/") == 1
