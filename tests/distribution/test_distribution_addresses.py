"""Every form of address, in every request: all address the same registry, and answers keep the form of the request."""

from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import pytest
from werkzeug.test import Client

from ecr_emulator.distribution.routes import ROUTES
from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import layer
from tests.support.boto import client_of
from tests.support.docker import Docker
from tests.support.images import an_image

ACCOUNT, REGION = "210987654321", "eu-west-1"
REAL_NAME = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
PATH = f"{ACCOUNT}/{REGION}"
SUBDOMAIN = f"{ACCOUNT}.dkr.ecr.{REGION}.localhost"
BLOB = layer("blob", 9_000)
IMAGE = an_image("app")
SBOM = an_image("sbom", subject=IMAGE.descriptor, artifactType="application/spdx+json")


@dataclass(frozen=True)
class Form:
    """A form of address, and the beginning of URLs in its answers. With ``home``, the token selects the registry."""

    origin: str
    headers: dict[str, str] = field(default_factory=dict)
    prefix: str = ""
    query: dict[str, str] = field(default_factory=dict)
    home: bool = False


LOCAL = "http://localhost:4566"
PROXY = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": REAL_NAME}
FORMS = {
    "localhost": Form(LOCAL, home=True),
    "IPv4": Form("http://127.0.0.1:4566", home=True),
    "IPv6": Form("http://[::1]:4566", home=True),
    "subdomain": Form(f"http://{SUBDOMAIN}:4566"),
    "aws": Form(f"https://{REAL_NAME}"),
    "aws FIPS": Form(f"https://{ACCOUNT}.dkr.ecr-fips.{REGION}.amazonaws.com"),
    "aws dual stack": Form(f"https://{ACCOUNT}.dkr-ecr.{REGION}.on.aws"),
    "path": Form(LOCAL, prefix=f"{PATH}/"),
    "path, IPv6": Form("http://[::1]:4566", prefix=f"{PATH}/"),
    "ns": Form(LOCAL, query={"ns": REAL_NAME}),
    "ns, IPv6": Form("http://[::1]:4566", query={"ns": REAL_NAME}),
    "proxy": Form(f"https://{REAL_NAME}", headers=PROXY),
    "proxy with a port": Form("https://ecr.test:8443", headers={
        "X-Forwarded-Proto": "https", "X-Forwarded-Host": "ecr.test", "X-Forwarded-Port": "8443"}, home=True),
}  # fmt: skip


class AddressingClient:
    """A registry client that uses one form of address and follows the URLs in answers."""

    def __init__(self, docker, form):
        self.form = form
        self._http = Client(docker.emulator.wsgi)
        self._headers = {"Authorization": f"Basic {docker.token}"} | form.headers
        self._base = LOCAL if form.headers else form.origin
        self.used = set()

    def send(self, method, rest, query=None, headers=None, *, status=None, **how):
        """Send a request to a path in the repository ``app``, to a URL from an answer, or to an absolute path."""
        url = urlsplit(rest)
        if url.scheme:
            assert f"{url.scheme}://{url.netloc}" == self.form.origin
            path, asked = url.path, dict(pair.split("=") for pair in url.query.split("&") if pair)
        else:
            path, asked = rest if rest.startswith("/") else f"/v2/{self.form.prefix}app/{rest}", self.form.query
        self.used.add((next(route for route in ROUTES if route.path.fullmatch(path)).path, method))
        answer = self._http.open(
            path,
            base_url=self._base,
            method=method,
            query_string=urlencode(asked | (query or {})),
            headers=self._headers | (headers or {}),
            **how,
        )
        assert answer.status_code == status or (status is None and answer.status_code < 300), answer.text
        return answer

    def begin(self):
        return self.send("POST", "blobs/uploads/").headers["Location"]

    def push_blob(self, blob):
        location = self.send("PATCH", self.begin(), data=blob.raw[:5]).headers["Location"]
        location = self.send("GET", location).headers["Location"]
        created = self.send("PUT", location, {"digest": blob.digest}, data=blob.raw[5:])
        assert self.send("GET", created.headers["Location"]).data == blob.raw

    def push(self, image, reference):
        for blob in image.blobs:
            self.push_blob(blob)
        answer = self.send("PUT", f"manifests/{reference}", headers={"Content-Type": image.media_type}, data=image.raw)
        assert self.send("GET", answer.headers["Location"]).data == image.raw


@pytest.fixture
def other_docker(docker):
    """Return a client of another registry of the same emulator, with the repositories ``app`` and ``other``."""
    client = Docker(docker.emulator, ACCOUNT, REGION)
    client.ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    for name in ("app", "other"):
        client.ecr.create_repository(repositoryName=name)
    client.push_blob(BLOB, "other")
    return client


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_request_may_use_any_form(docker, other_docker, form):
    client = AddressingClient(other_docker if form.home else docker, form)
    client.send("GET", "/v2/")
    assert client.send("GET", "/v2/_catalog").json["repositories"] == (
        ["team/app"] if form.prefix else ["app", "other"]
    )
    client.send("DELETE", client.begin())
    client.send("POST", "blobs/uploads/", {"mount": BLOB.digest, "from": f"{form.prefix}other"})
    assert client.send("GET", f"blobs/{BLOB.digest}").data == BLOB.raw
    client.push(IMAGE, "v1")
    client.push(SBOM, SBOM.digest)
    assert client.send("HEAD", "manifests/v1").headers["Docker-Content-Digest"] == IMAGE.digest
    assert client.send("GET", "tags/list").json == {"name": f"{form.prefix}app", "tags": ["v1"]}
    (referrer,) = client.send("GET", f"referrers/{IMAGE.digest}").json["manifests"]
    assert referrer["digest"] == SBOM.digest
    described = other_docker.ecr.describe_images(repositoryName="app")["imageDetails"]
    assert {each["imageDigest"] for each in described} == {IMAGE.digest, SBOM.digest}
    client.send("DELETE", f"manifests/{SBOM.digest}")
    assert len(other_docker.ecr.describe_images(repositoryName="app")["imageDetails"]) == 1
    expected = {(route.path, method) for route in ROUTES for method in route.handlers if method != "HEAD"}
    refused = {(path, method) for path, method in expected if "blobs/([^/]+)" in path.pattern and method == "DELETE"}
    assert expected - refused - client.used == set()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_pages_and_upload_locations_keep_the_form_of_address(docker, other_docker, form):
    client = AddressingClient(other_docker if form.home else docker, form)
    client.push(IMAGE, "v1")
    client.push(IMAGE, "v2")
    link = client.send("GET", "tags/list", {"n": "1"}).headers["Link"]
    assert client.send("GET", link[1 : link.index(">")]).json["tags"] == ["v2"]
    early = client.send("PATCH", client.begin(), headers={"Content-Range": "5-5"}, data=b"x", status=416)
    assert client.send("GET", early.headers["Location"]).headers["Range"] == "0-0"


BEHIND_A_PROXY = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "ecr.test:8443"}


@pytest.mark.parametrize(
    ("style", "here", "without_port", "behind_a_proxy"),
    [
        ("localhost", "http://[::1]:4566", "http://[::1]", "https://ecr.test:8443"),
        ("path", f"http://[::1]:4566/{PATH}", f"http://[::1]/{PATH}", f"https://ecr.test:8443/{PATH}"),
        ("subdomain", f"http://{SUBDOMAIN}:4566", f"http://{SUBDOMAIN}", f"https://{SUBDOMAIN}:8443"),
        ("aws", f"https://{REAL_NAME}", f"https://{REAL_NAME}", f"https://{REAL_NAME}"),
    ],
)
def test_the_api_answers_addresses_in_the_style_that_is_set(style, here, without_port, behind_a_proxy):
    with Emulator(Settings(uri_style=style)) as emulator:
        assert address(emulator, "http://[::1]:4566") == here
        assert address(emulator, "http://[::1]") == without_port
        assert address(emulator, LOCAL, BEHIND_A_PROXY) == behind_a_proxy


def address(emulator, endpoint, headers=None):
    """Return the registry's address in the API, which is the same for the registry and for its repositories."""
    ecr = client_of(emulator, account=ACCOUNT, region=REGION, endpoint=endpoint, headers=headers)
    uri = ecr.create_repository(repositoryName="app")["repository"]["repositoryUri"]
    ecr.delete_repository(repositoryName="app")
    (found,) = (each["proxyEndpoint"] for each in ecr.get_authorization_token()["authorizationData"])
    assert uri == f"{found.partition('://')[2]}/app"
    return found
