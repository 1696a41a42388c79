"""The merged view of layers: which file counts when several layers have it, and what hides it."""

import gzip
import sys

import pytest

from ecr_emulator.domain.packages import Distribution
from tests.support.image_layers import contents, layer, link, names, tar

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FLASK = "usr/lib/python3/site-packages/flask.dist-info/METADATA"
GONE = {"usr/lib/python3/site-packages/.wh.flask.dist-info": ""}


def metadata(version):
    return f"Metadata-Version: 2.1\nName: flask\nVersion: {version}\n\nFlask is a framework.\nVersion: 9\n"


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress, bytes], ids=["gzip", "zstd", "tar"])
def test_every_compression_is_read(compress):
    assert names(layer({FLASK: metadata("3.0.0")}, compress)) == {"flask 3.0.0"}


def test_several_members_of_gzip_are_one_layer():
    archive = tar({FLASK: metadata("3.0.0")})
    assert names(layer(archive, lambda data: gzip.compress(data[:700]) + gzip.compress(data[700:]))) == {"flask 3.0.0"}


@pytest.mark.parametrize("compress", [gzip.compress, bytes])
@pytest.mark.parametrize("archive", [b"", bytes(1024), tar({})])
def test_an_empty_layer_has_no_files(archive, compress):
    assert names(layer(archive, compress)) == set()


def test_the_uppermost_file_counts():
    assert names({FLASK: metadata("3.0.0")}, {FLASK: metadata("3.0.1")}, {"app": "1"}) == {"flask 3.0.1"}


def test_the_layer_that_has_the_file_is_told():
    lower, upper = layer({FLASK: metadata("3.0.0")}), layer({"app": "1"})
    assert [package.layer for package in contents(lower, upper).packages] == [lower.digest]


@pytest.mark.parametrize(
    "upper",
    [
        GONE,
        {"./usr/lib/python3/.wh.site-packages": ""},
        {"usr/lib/python3/site-packages/.wh..wh..opq": ""},
        {"usr/.wh..wh..opq": ""},
        {".wh..wh..opq": ""},
        {".wh.usr": ""},
        {"usr/lib/python3": "a file"},
        {"usr/lib": link("/lib", b"2")},
        {f"{FLASK}/": None},
    ],
    ids=["directory", "parent", "opaque", "opaque parent", "opaque root", "root", "file", "link", "a directory now"],
)
def test_what_an_upper_layer_hides_is_gone(upper):
    assert names({FLASK: metadata("3.0.0")}, upper) == set()


@pytest.mark.parametrize(
    "upper",
    [
        {"usr/lib/python3/site-packages/.wh.flask": ""},
        {"usr/lib/python3/site-packages/flask/.wh..wh..opq": ""},
        {"usr/lib/python3/site-packages/flask.dist-info/": None},
        {"usr/lib/python": "a file"},
    ],
)
def test_what_an_upper_layer_does_not_hide_is_there(upper):
    assert names({FLASK: metadata("3.0.0")}, upper) == {"flask 3.0.0"}


@pytest.mark.parametrize("order", [1, -1])
def test_a_whiteout_does_not_hide_files_of_its_own_layer(order):
    files = [*GONE.items(), ("usr/.wh..wh..opq", ""), (FLASK, metadata("3.0.1"))][::order]
    assert names({FLASK: metadata("3.0.0")}, dict(files)) == {"flask 3.0.1"}


def test_a_file_comes_back_above_a_whiteout():
    assert names({FLASK: metadata("3.0.0")}, GONE, {FLASK: metadata("3.0.1")}) == {"flask 3.0.1"}


def test_the_later_of_two_files_in_one_layer_counts():
    end = tar({FLASK: metadata("3.0.0")}).rstrip(b"\0")
    start = end + bytes(-len(end) % 512)
    assert names(layer(start + tar({FLASK: metadata("3.0.1")}))) == {"flask 3.0.1"}


@pytest.mark.parametrize("reverse", [False, True])
def test_a_hard_link_has_the_data_of_its_target(reverse):
    files = [("store/4f/53cda1", metadata("3.0.0")), (FLASK, link("store/4f/53cda1"))]
    assert names(dict(files[::-1] if reverse else files)) == {"flask 3.0.0"}


def test_links_out_of_the_image_are_not_followed(tmp_path):
    (tmp_path / "METADATA").write_text(metadata("3.0.0"))
    assert names({FLASK: link(str(tmp_path / "METADATA"), b"2")}) == set()


@pytest.mark.parametrize("name", [f"/{FLASK}", f"./{FLASK}", f"usr//lib/./python3/{FLASK}"])
def test_paths_are_normalized(name):
    assert names({name: metadata("3.0.0")}) == {"flask 3.0.0"}


def test_long_paths_and_names_in_utf_8_are_read():
    assert names({f"{'ä' * 60}/{'b' * 200}/x.dist-info/METADATA": metadata("3.0.0")}) == {"flask 3.0.0"}


@pytest.mark.parametrize(
    ("lower", "upper", "version"),
    [
        ({"usr/lib/os-release": "ID=debian\nVERSION_ID='12'"}, {}, "12"),
        ({"usr/lib/os-release": "ID=debian\nVERSION_ID=11"}, {"etc/os-release": 'ID="debian"\nVERSION_ID="12"'}, "12"),
        ({"etc/os-release": "ID=debian\nVERSION_ID=12"}, {"usr/lib/os-release": "ID=debian\nVERSION_ID=11"}, "12"),
        ({"etc/os-release": "ID=debian\nVERSION_ID=11"}, {"etc/os-release": "ID=Debian\n#ID=x\nVERSION_ID=12"}, "12"),
    ],
)
def test_the_distribution_is_that_of_os_release(lower, upper, version):
    assert contents(lower, upper).distribution == Distribution("debian", version)


@pytest.mark.parametrize("text", ["", "NAME=Debian", "ID=\n", bytes(range(128, 228))])
def test_a_file_that_names_no_distribution_names_none(text):
    assert contents({"etc/os-release": text}).distribution is None
