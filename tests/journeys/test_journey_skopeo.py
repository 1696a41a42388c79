"""The main job with real parts: distribution upstream, the AWS CLI to set up, skopeo to pull."""

import hashlib
import json
import random
import subprocess

import pytest

from tests.support.processes import serving
from tests.support.programs import HUB_TOKEN, HUB_USER, program

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

IMAGE = "docker-hub/library/app"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Layout:
    """An OCI image layout on disk, as skopeo reads and writes it."""

    def __init__(self, folder):
        self.folder = folder

    def add(self, media_type, data):
        blobs = self.folder / "blobs" / "sha256"
        blobs.mkdir(parents=True, exist_ok=True)
        (blobs / sha256(data)).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{sha256(data)}", "size": len(data)}

    def add_json(self, media_type, document):
        return self.add(media_type, json.dumps(document).encode())

    def finish(self, index, tag):
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        annotated = index | {"annotations": {"org.opencontainers.image.ref.name": tag}}
        (self.folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [annotated]}))

    def blobs(self):
        return {path.name for path in (self.folder / "blobs" / "sha256").iterdir()}

    def verify(self):
        for path in (self.folder / "blobs" / "sha256").iterdir():
            assert sha256(path.read_bytes()) == path.name

    def top(self):
        return json.loads((self.folder / "index.json").read_text())["manifests"][0]["digest"]


def multi_architecture_image(folder, seed, tag="1.0"):
    layout = Layout(folder)
    noise = random.Random(seed)
    children = []
    for architecture in ("amd64", "arm64"):
        layers = [
            layout.add("application/vnd.oci.image.layer.v1.tar", noise.randbytes(size)) for size in (3_000_000, 700)
        ]
        config = layout.add_json(
            "application/vnd.oci.image.config.v1+json",
            {
                "architecture": architecture,
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
            },
        )
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config,
            "layers": layers,
        }
        child = layout.add_json(manifest["mediaType"], manifest)
        children.append(child | {"platform": {"os": "linux", "architecture": architecture}})
    media_type = "application/vnd.oci.image.index.v1+json"
    index = layout.add_json(media_type, {"schemaVersion": 2, "mediaType": media_type, "manifests": children})
    layout.finish(index, tag)
    return layout


class Shell:
    """Runs the commands that a user would type."""

    def __init__(self, served, folder):
        self._environment = served.aws_environment() | {"REGISTRY_AUTH_FILE": str(folder / "auth.json")}
        policy = folder / "policy.json"
        policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        self._skopeo = [program("skopeo"), "--policy", str(policy)]
        self._aws = program("aws")

    def run(self, *command, stdin=None):
        done = subprocess.run(
            command, env=self._environment, input=stdin, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def aws(self, *arguments):
        out = self.run(self._aws, *arguments, "--output", "json")
        return json.loads(out) if out.strip() else {}

    def login(self, host):
        password = self.run(self._aws, "ecr", "get-login-password")
        arguments = ["login", "--tls-verify=false", "--username", "AWS", "--password-stdin", host]
        self.run(*self._skopeo, *arguments, stdin=password)

    def copy(self, source, destination, *options):
        self.run(*self._skopeo, "copy", "--preserve-digests", *options, source, destination)


@pytest.fixture
def shell(served, tmp_path):
    return Shell(served, tmp_path)


@pytest.fixture
def image(tmp_path, distribution, shell):
    layout = multi_architecture_image(tmp_path / "image", seed=1)
    push_upstream(shell, distribution, layout)
    return layout


def push_upstream(shell, distribution, layout):
    host = distribution.url.removeprefix("http://")
    shell.copy(
        f"oci:{layout.folder}:1.0",
        f"docker://{host}/library/app:1.0",
        "--all",
        "--dest-tls-verify=false",
        f"--dest-creds={HUB_USER}:{HUB_TOKEN}",
    )


def create_rule(shell):
    secret = json.dumps({"username": HUB_USER, "accessToken": HUB_TOKEN})
    arn = shell.aws(
        "secretsmanager", "create-secret", "--name", "ecr-pullthroughcache/docker-hub", "--secret-string", secret
    )["ARN"]
    rule = shell.aws(
        "ecr",
        "create-pull-through-cache-rule",
        "--ecr-repository-prefix=docker-hub",
        "--upstream-registry-url=registry-1.docker.io",
        f"--credential-arn={arn}",
    )
    assert rule["upstreamRegistry"] == "docker-hub"
    validation = shell.aws("ecr", "validate-pull-through-cache-rule", "--ecr-repository-prefix=docker-hub")
    assert validation["isValid"], validation


def pull(shell, served, folder, reference=":1.0", *options):
    layout = Layout(folder)
    shell.copy(f"docker://{served.host}/{IMAGE}{reference}", f"oci:{folder}:pulled", "--src-tls-verify=false", *options)
    layout.verify()
    return layout


def test_an_image_is_pulled_through_the_cache_cold_warm_and_without_its_upstream(
    distribution, served, shell, image, tmp_path
):
    create_rule(shell)
    shell.login(served.host)

    cold = pull(shell, served, tmp_path / "cold", ":1.0", "--all")
    assert (cold.blobs(), cold.top()) == (image.blobs(), image.top())

    images = shell.aws("ecr", "describe-images", "--repository-name", IMAGE)["imageDetails"]
    assert len(images) == 3
    assert [each["imageDigest"] for each in images if each.get("imageTags") == ["1.0"]] == [image.top()]

    asked = distribution.requests()
    fetched = [path for method, path in asked if method == "GET"]
    assert len(fetched) == len(set(fetched)) == len(image.blobs()), "everything is fetched from the upstream once"

    warm = pull(shell, served, tmp_path / "warm", ":1.0", "--all")
    one = pull(shell, served, tmp_path / "one", f"@{image.top()}", "--all")
    single = pull(shell, served, tmp_path / "single")
    assert warm.blobs() == one.blobs() == image.blobs()
    assert single.blobs() < image.blobs()
    assert distribution.requests() == asked, "a warm pull asks the upstream nothing"

    distribution.stop()
    served.advance("25h")
    shell.login(served.host)
    stale = pull(shell, served, tmp_path / "stale", ":1.0", "--all")
    assert (stale.blobs(), stale.top()) == (image.blobs(), image.top())


def test_a_tag_that_moves_upstream_moves_after_a_day(distribution, served, shell, image, tmp_path):
    create_rule(shell)
    shell.login(served.host)
    assert pull(shell, served, tmp_path / "first", ":1.0", "--all").top() == image.top()

    changed = multi_architecture_image(tmp_path / "changed", seed=2)
    push_upstream(shell, distribution, changed)
    assert pull(shell, served, tmp_path / "same-day", ":1.0", "--all").top() == image.top()

    served.advance("24h")
    shell.login(served.host)
    assert pull(shell, served, tmp_path / "next-day", ":1.0", "--all").top() == changed.top()
    images = shell.aws("ecr", "describe-images", "--repository-name", IMAGE)["imageDetails"]
    assert {each["imageDigest"]: each.get("imageTags") for each in images if "imageTags" in each} == {
        changed.top(): ["1.0"]
    }
    assert image.top() in {each["imageDigest"] for each in images}


def test_an_image_pushed_with_skopeo_is_the_one_the_api_shows(served, shell, tmp_path):
    shell.aws("ecr", "create-repository", "--repository-name", "team/app")
    shell.login(served.host)
    image = multi_architecture_image(tmp_path / "mine", seed=3)
    shell.copy(f"oci:{image.folder}:1.0", f"docker://{served.host}/team/app:v1", "--all", "--dest-tls-verify=false")
    listed = shell.aws("ecr", "list-images", "--repository-name", "team/app", "--filter", "tagStatus=TAGGED")
    assert listed["imageIds"] == [{"imageDigest": image.top(), "imageTag": "v1"}]


def test_state_survives_a_restart(distribution, served, shell, image, tmp_path):
    create_rule(shell)
    shell.login(served.host)
    pull(shell, served, tmp_path / "before", ":1.0", "--all")
    assert served.stop() == 0

    with serving(tmp_path, "--port", "0", "--data-dir", str(tmp_path / "state")) as again:
        shell = Shell(again, tmp_path)
        shell.login(again.host)
        assert pull(shell, again, tmp_path / "after", ":1.0", "--all").top() == image.top()
        secrets = shell.aws("secretsmanager", "list-secrets")["SecretList"]
        assert [secret["Name"] for secret in secrets] == ["ecr-pullthroughcache/docker-hub"]
        assert again.stop() == 0
