"""The fault matrix: the results of each upstream fault, one row for each fault.

No fault leads to a status 500, an incomplete object in the store, or the need for a restart; every cell is tested for
that too.
"""

from __future__ import annotations

import json

from ecr_emulator.domain.manifest import MAX_MANIFEST_BYTES, OCI_INDEX
from ecr_emulator.testing.upstream.auth import Bearer
from ecr_emulator.testing.upstream.faults import (
    answers,
    corrupted,
    lengthened_by,
    redirects,
    reset_after,
    truncated_to,
    with_headers,
)
from tests.pull_through.matrix import breaks
from tests.pull_through.matrix.breaks import here_again, silent, spoilt
from tests.pull_through.matrix.cells import (
    DENIED,
    NOT_FOUND,
    TOO_MANY,
    Row,
    Told,
    busy,
    checked,
    cut,
    denied,
    fails,
    listed,
    local,
    missing,
    ok,
    partial,
    stale,
    stays,
    unsupported,
    updated,
)

SOON = answers(429, Retry_After="2")
LATER = answers(429, Retry_After="3600")
HTML = answers(429, b"<html>slow down</html>", Content_Type="text/html")
OTHER = "sha256:" + "0" * 64
HUGE = answers(200, b"{" + b" " * MAX_MANIFEST_BYTES + b"}", Content_Type=OCI_INDEX)
NO_JSON = answers(200, b"<html>welcome</html>", Content_Type=OCI_INDEX)
UNKNOWN_TYPE = answers(200, json.dumps({"schemaVersion": 2, "mediaType": "text/plain"}).encode())
QUAY = 'Basic realm="quay",Bearer realm="{realm}",service="{service}",scope="repository:{name}:pull"'
IMPATIENT = {"idle": 0.25}
SIGNED_IN = {"credential": ("hub-user", "hub-token"), "auth": Bearer(("hub-user", "hub-token"))}

MATRIX = (
    Row("connection refused", breaks.refused,
        T=fails(0), R=stale(0), M=fails(0), C=partial(0), B=fails(0), F=local(0)),
    Row("DNS failure", breaks.unresolved,
        T=fails(0), R=stale(0), M=fails(0), C=partial(0), B=fails(0), F=local(0)),
    Row("TLS error (bad cert)", breaks.distrusted("127.0.0.1", stranger=True), {"tls": True},
        T=fails(0), R=stale(0), M=fails(0), C=partial(0), B=fails(0), F=local(0)),
    Row("TLS error (wrong host)", breaks.distrusted("127.0.0.2", stranger=False), {"tls": True},
        T=fails(0), R=stale(0), M=fails(0), C=partial(0), B=fails(0), F=local(0)),
    Row("connect timeout", breaks.not_accepted, IMPATIENT,
        T=fails(0), R=stale(0), M=fails(0), B=fails(0), F=local(0)),
    Row("headers never arrive", silent(), IMPATIENT,
        T=fails(1), R=stale(1), M=fails(1), C=partial(1), B=cut(3), F=local(1),
        U=stays(1), L=stays(3)),
    Row("stall mid-body", silent(after=10), IMPATIENT,
        T=fails(3), R=stale(4, moved=True), M=fails(3), C=ok(2, times=1), B=ok(2, times=1, by=silent(after=150_000)),
        F=local(3),
        U=updated(2, times=1), L=updated(2, times=1, by=silent(after=150_000))),
    Row("reset at byte k", spoilt(reset_after(10)),
        T=ok(2, times=1), R=stale(4, moved=True, by=spoilt(reset_after(10), method="GET")), M=ok(2, times=1),
        C=ok(2, times=1), B=ok(2, times=1, by=spoilt(reset_after(150_000))), F=listed(2, times=1),
        U=updated(2, times=1), L=updated(2, times=1, by=spoilt(reset_after(150_000)))),
    Row("server ignores Range (200)", breaks.RESUMED_BY_SKIPPING,
        B=ok(2),
        L=updated(2)),
    Row("206 with wrong Content-Range", breaks.RESUMED_WRONGLY,
        B=cut(3),
        L=stays(3)),
    Row("truncated with correct EOF", spoilt(truncated_to(150)),
        M=fails(1), B=cut(6),
        U=stays(1), L=stays(6)),
    Row("body longer than descriptor", spoilt(lengthened_by(b"more")),
        M=fails(1), C=partial(1), B=cut(1),
        U=stays(1), L=stays(1)),
    Row("wrong bytes, right length", spoilt(corrupted()),
        R=stale(2, moved=True, by=spoilt(corrupted(), method="GET")), M=fails(1), C=partial(1),
        B=cut(range(1, 3), garbled=True), F=local(1),
        U=stays(1), L=stays(range(1, 3))),
    Row("header digest ≠ body", spoilt(with_headers(Docker_Content_Digest=OTHER)),
        R=stale(2, NOT_FOUND), M=fails(1), C=partial(1),
        U=stays(1)),
    Row("gzip Content-Encoding on blob", spoilt(breaks.compressed),
        B=fails(1)),
    Row("301/302/303/307/308", spoilt(here_again(307)),
        T=ok(2, times=1, by=spoilt(here_again(301))), R=checked(2, times=1, by=spoilt(here_again(302))),
        M=ok(2, times=1, by=spoilt(here_again(303))), C=ok(2, times=1),
        B=Told("test_a_blob_that_is_kept_elsewhere_is_fetched_there_without_our_credential"),
        F=listed(2, times=1, by=spoilt(here_again(308))),
        U=updated(2, times=1), L=updated(2, times=1)),
    Row("redirect loop / > 5", spoilt(here_again(307)),
        T=fails(6), R=stale(6), M=fails(6), C=partial(6), B=fails(6), F=local(6),
        U=stays(6), L=stays(6)),
    Row("redirect to 169.254.169.254", spoilt(redirects("http://169.254.169.254/latest/meta-data")),
        T=fails(1), R=stale(1), M=fails(1), B=fails(1), F=local(1),
        U=stays(1), L=stays(1)),
    Row("redirect to loopback", spoilt(redirects("http://localhost:1/")),
        T=fails(1), R=stale(1), M=fails(1), B=fails(1), F=local(1),
        U=stays(1), L=stays(1)),
    Row("presigned URL expired (403 XML)",
        C=Told("test_a_presigned_address_that_has_expired_is_asked_for_once_more"),
        B=Told("test_a_presigned_address_that_has_expired_is_asked_for_once_more")),
    Row("401 + Bearer challenge", breaks.signs_in(Bearer()),
        T=ok(1), R=checked(2), M=ok(2), C=ok(range(1, 3)), B=ok(2), F=listed(2),
        U=updated(range(1, 3)), L=updated(range(1, 3))),
    Row("401 again with credential", breaks.REALM_DENIES, SIGNED_IN,
        T=denied(1), R=stale(0, DENIED), M=denied(1), C=partial(range(2), DENIED, "403 DENIED"), B=denied(1),
        F=local(1, DENIED)),
    Row("401 anonymous rule", spoilt(answers(401)),
        R=stale(2, NOT_FOUND), M=missing(1), B=missing(1, "BLOB_UNKNOWN"), F=local(1, None),
        U=stays(1, NOT_FOUND), L=stays(1, NOT_FOUND)),
    Row("token expires mid-pull", breaks.revoked, {"auth": Bearer()},
        T=Told("test_a_token_that_is_no_longer_good_is_fetched_anew"), R=checked(1),
        M=Told("test_a_token_that_is_no_longer_good_is_fetched_anew"), C=ok(range(1, 3)),
        B=Told("test_a_token_that_expires_in_the_middle_of_a_blob_is_fetched_anew_for_its_rest"), F=listed(2),
        U=updated(range(1, 3)), L=updated(range(1, 3))),
    Row("two challenges in one header (Quay)", breaks.signs_in(Bearer(challenge=QUAY)),
        T=ok(1), R=checked(2), M=ok(2), C=ok(range(1, 3)), B=ok(2), F=listed(2),
        U=updated(range(1, 3)), L=updated(range(1, 3))),
    Row("403", spoilt(answers(403)),
        T=denied(1), R=stale(2, DENIED), M=denied(1), C=partial(1, DENIED, "403 DENIED"), B=denied(1),
        F=local(1, DENIED),
        U=stays(1, DENIED), L=stays(1, DENIED)),
    Row("404", spoilt(answers(404)),
        R=stale(2, NOT_FOUND), M=missing(1), C=partial(1, "SUCCESS", "404 MANIFEST_UNKNOWN"),
        B=missing(1, "BLOB_UNKNOWN"), F=local(1, None),
        U=stays(1, NOT_FOUND), L=stays(1, NOT_FOUND)),
    Row("405/400 to HEAD", spoilt(answers(405), method="HEAD"),
        R=checked(2)),
    Row("429 with Retry-After 2", spoilt(SOON),
        T=ok(2, times=1), R=stale(3, TOO_MANY), M=ok(2, times=1), C=ok(2, times=1), B=ok(2, times=1),
        F=local(3, TOO_MANY),
        U=updated(2, times=1), L=updated(2, times=1)),
    Row("429 with Retry-After 3600", spoilt(LATER),
        T=busy(1), R=stale(1, TOO_MANY), M=busy(1), C=partial(1, TOO_MANY, "429 TOOMANYREQUESTS"), B=busy(1),
        F=local(1, TOO_MANY),
        U=stays(1, TOO_MANY), L=stays(1, TOO_MANY)),
    Row("429 HTML body", spoilt(HTML),
        T=busy(1), R=stale(1, TOO_MANY), M=busy(1), B=busy(1), F=local(1, TOO_MANY),
        U=stays(1, TOO_MANY), L=stays(1, TOO_MANY)),
    Row("500/502/503/504 once", spoilt(answers(503)),
        T=ok(2, times=1), R=checked(2, times=1, by=spoilt(answers(500))), M=ok(2, times=1, by=spoilt(answers(502))),
        C=ok(2, times=1, by=spoilt(answers(504))), B=ok(2, times=1), F=listed(2, times=1),
        U=updated(2, times=1), L=updated(2, times=1)),
    Row("5xx permanently", spoilt(answers(503)),
        T=fails(3), R=stale(3), M=fails(3), C=partial(3), B=fails(3), F=local(3),
        U=stays(3), L=stays(3)),
    Row("manifest > 4 MiB", spoilt(HUGE, method="GET"),
        R=stale(2, moved=True), M=unsupported(1), C=partial(1, says="404 MANIFEST_UNKNOWN"),
        U=stays(1)),
    Row("manifest not JSON", spoilt(NO_JSON, method="GET"),
        R=stale(2, moved=True), M=fails(1), C=partial(1),
        U=stays(1)),
    Row("manifest of unknown type", spoilt(UNKNOWN_TYPE, method="GET"),
        R=stale(2, moved=True), M=unsupported(1), C=partial(1),
        U=stays(1)),
    Row("schema1 manifest",
        R=Told("test_a_manifest_of_schema_1_is_refused_once_and_for_all"),
        M=Told("test_a_manifest_of_schema_1_is_refused_once_and_for_all")),
    Row("index with 0 children / nested / cycle by digest",
        M=Told("test_an_index_of_nothing_is_an_image"), C=Told("test_indexes_in_indexes_come_to_an_end"),
        U=Told("test_an_update_to_indexes_in_indexes_is_whole_to_the_last_level")),
    Row("sparse index (child 404)", spoilt(answers(404)),
        M=Told("test_a_sparse_index_is_complete_without_what_the_upstream_does_not_have"),
        C=partial(1, "SUCCESS", "404 MANIFEST_UNKNOWN"),
        U=Told("test_a_sparse_image_follows_a_sparse_one")),
    Row("tag moves between HEAD and GET",
        R=Told("test_a_tag_that_moves_between_two_requests_does_no_harm")),
    Row("no Docker-Content-Digest", spoilt(with_headers(Docker_Content_Digest="")),
        R=checked(2), M=ok(1), C=ok(1),
        U=updated(1)),
    Row("secret deleted", breaks.secret_deleted, SIGNED_IN,
        R=stale(0, DENIED), M=denied(0), C=partial(0, DENIED, "403 DENIED"), B=denied(0), F=local(0, DENIED)),
    Row("secret malformed", breaks.secret_put("no JSON"), SIGNED_IN,
        R=stale(0, DENIED), M=denied(0), C=partial(0, DENIED, "403 DENIED"), B=denied(0), F=local(0, DENIED)),
    Row("secret rotated", breaks.secret_rotated, SIGNED_IN,
        R=checked(1), M=ok(2), C=ok(1), B=ok(1), F=listed(1),
        U=updated(1), L=updated(1)),
    Row("rule deleted during a pull",
        M=Told("test_an_import_under_way_ends_though_the_rule_is_deleted"),
        C=Told("test_an_import_under_way_ends_though_the_rule_is_deleted"),
        B=Told("test_an_import_under_way_ends_though_the_rule_is_deleted"),
        U=Told("test_an_update_ends_though_its_rule_is_deleted"),
        L=Told("test_an_update_ends_though_its_rule_is_deleted")),
    Row("repository deleted during import",
        M=Told("test_a_repository_that_is_deleted_during_an_import_stays_deleted"),
        C=Told("test_a_repository_that_is_deleted_during_an_import_stays_deleted"),
        B=Told("test_a_blob_under_way_reaches_its_client_though_the_repository_is_deleted"),
        U=Told("test_a_repository_that_is_deleted_during_an_update_stays_deleted"),
        L=Told("test_a_repository_that_is_deleted_during_an_update_stays_deleted")),
    Row("disk full before / during",
        R=Told("test_a_full_disk_leaves_the_cached_image_served"),
        M=Told("test_an_image_for_which_there_is_no_room_reaches_its_client_whole"),
        C=Told("test_an_import_for_which_there_is_no_room_is_told_as_failed"),
        B=Told("test_a_disk_that_fills_up_in_the_middle_of_a_blob_stops_no_client"),
        F=Told("test_referrers_are_listed_on_a_full_disk"),
        U=Told("test_a_full_disk_leaves_the_cached_image_served"),
        L=Told("test_an_update_for_which_there_is_no_room_leaves_the_tag")),
    Row("storage read-only",
        R=Told("test_a_full_disk_leaves_the_cached_image_served"),
        M=Told("test_an_image_for_which_there_is_no_room_reaches_its_client_whole"),
        B=Told("test_an_image_for_which_there_is_no_room_reaches_its_client_whole"),
        U=Told("test_a_full_disk_leaves_the_cached_image_served")),
    Row("process killed mid-blob",
        C=Told("test_a_pull_that_is_killed_at_any_byte_leaves_a_store_that_can_be_trusted"),
        B=Told("test_a_pull_that_is_killed_at_any_byte_leaves_a_store_that_can_be_trusted"),
        U=Told("test_an_update_that_is_killed_at_any_byte_leaves_the_tag_on_the_old_image"),
        L=Told("test_an_update_that_is_killed_at_any_byte_leaves_the_tag_on_the_old_image")),
    Row("clock jumps back 1 h",
        T=Told("test_a_clock_that_is_set_back_costs_no_token_and_no_storm"),
        R=Told("test_a_clock_that_is_set_back_costs_no_token_and_no_storm")),
    Row("client disconnects at 10 %",
        M=Told("test_a_fetch_finishes_though_its_client_has_left"),
        B=Told("test_a_fill_ends_though_its_client_has_left"),
        L=Told("test_an_update_that_takes_long_goes_on_and_the_tag_moves_when_it_is_whole")),
    Row("20 clients cold at once",
        T=Told("test_twenty_clients_at_once_are_one_request"), R=Told("test_twenty_clients_at_once_are_one_request"),
        M=Told("test_twenty_clients_at_once_are_one_request"), B=Told("test_twenty_clients_at_once_are_one_request"),
        F=Told("test_twenty_clients_at_once_are_one_request"),
        U=Told("test_twenty_clients_of_an_update_are_one_import"),
        L=Told("test_twenty_clients_of_an_update_are_one_import")),
    Row("one follower reads 1 KiB/s",
        B=Told("test_a_slow_client_holds_nobody_up")),
    Row("Range 0-0 / mid / suffix on cold",
        B=Told("test_a_part_of_a_cold_blob_is_the_right_part_and_one_request")),
)  # fmt: skip

REFERENCE = """
connection refused                                  T R - - M C B F
DNS failure                                         T R - - M C B F
TLS error (bad cert)                                T R - - M C B F
TLS error (wrong host)                              T R - - M C B F
connect timeout                                     T R - - M - B F
headers never arrive                                T R U L M C B F
stall mid-body                                      T R U L M C B F
reset at byte k                                     T R U L M C B F
server ignores Range (200)                          - - - L - - B -
206 with wrong Content-Range                        - - - L - - B -
truncated with correct EOF                          - - U L M - B -
body longer than descriptor                         - - U L M C B -
wrong bytes, right length                           - R U L M C B F
header digest ≠ body                                - R U - M C - -
gzip Content-Encoding on blob                       - - - - - - B -
301/302/303/307/308                                 T R U L M C B F
redirect loop / > 5                                 T R U L M C B F
redirect to 169.254.169.254                         T R U L M - B F
redirect to loopback                                T R U L M - B F
presigned URL expired (403 XML)                     - - - - - C B -
401 + Bearer challenge                              T R U L M C B F
401 again with credential                           T R - - M C B F
401 anonymous rule                                  - R U L M - B F
token expires mid-pull                              T R U L M C B F
two challenges in one header (Quay)                 T R U L M C B F
403                                                 T R U L M C B F
404                                                 - R U L M C B F
405/400 to HEAD                                     - R - - - - - -
429 with Retry-After 2                              T R U L M C B F
429 with Retry-After 3600                           T R U L M C B F
429 HTML body                                       T R U L M - B F
500/502/503/504 once                                T R U L M C B F
5xx permanently                                     T R U L M C B F
manifest > 4 MiB                                    - R U - M C - -
manifest not JSON                                   - R U - M C - -
manifest of unknown type                            - R U - M C - -
schema1 manifest                                    - R - - M - - -
index with 0 children / nested / cycle by digest    - - U - M C - -
sparse index (child 404)                            - - U - M C - -
tag moves between HEAD and GET                      - R - - - - - -
no Docker-Content-Digest                            - R U - M C - -
secret deleted                                      - R - - M C B F
secret malformed                                    - R - - M C B F
secret rotated                                      - R U L M C B F
rule deleted during a pull                          - - U L M C B -
repository deleted during import                    - - U L M C B -
disk full before / during                           - R U L M C B F
storage read-only                                   - R U - M - B -
process killed mid-blob                             - - U L - C B -
clock jumps back 1 h                                T R - - - - - -
client disconnects at 10 %                          - - - L M - B -
20 clients cold at once                             T R U L M - B F
one follower reads 1 KiB/s                          - - - - - - B -
Range 0-0 / mid / suffix on cold                    - - - - - - B -
"""
"""The phases of each fault. Every row and every cell must be tested."""
