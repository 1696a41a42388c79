"""The container image: built from the Dockerfile, run by Docker Engine, used by clients and by testcontainers."""

import json
import re
from contextlib import closing
from pathlib import Path
from signal import SIGTERM
from tempfile import TemporaryDirectory

import pytest
import requests

from ecr_emulator.testing.running import RunningEcrEmulator
from tests.support.clients import CommandFailed, Podman, Shell
from tests.support.command_line import invoke
from tests.support.container_engine import BASE, IMAGE, SOURCES, ContainerEngine
from tests.support.layouts import single_image
from tests.support.programs import answers, free_port, program, until

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1800)]

LOCKED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
MEGABYTES = 250
CREATES = "#!/bin/sh\nawslocal ecr create-repository --repository-name team/app\n"
FAILS = "#!/bin/sh\naws ecr delete-repository --repository-name no/such\n"
SEED = '[[repositories]]\nname = "team/seeded"\nimages = [{ tags = ["1.0"] }]\n'


@pytest.fixture(scope="module")
def engine():
    with TemporaryDirectory(prefix="ecr-") as folder, closing(ContainerEngine(Path(folder))) as engine:
        engine.build()
        yield engine


@pytest.fixture
def ready_d(tmp_path):
    folder = tmp_path / "ready.d"
    folder.mkdir()
    for name, text in (("10-create.sh", CREATES), ("20-fail.sh", FAILS)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def log_in(engine, host):
    emulator = RunningEcrEmulator(f"http://{host}", account="000000000000")
    engine.login(host, emulator.registry.password)
    return emulator


def test_the_image_adds_little_to_its_base(engine):
    added = engine.inspect(IMAGE)["Size"] - engine.inspect(BASE)["Size"]
    assert added <= MEGABYTES * 1_000_000


def test_a_locked_container_runs_scripts_serves_clients_and_keeps_its_state(engine, ready_d, tmp_path):
    mounts = ["--volume=state:/state", f"--volume={ready_d}:/etc/localstack/init/ready.d:ro"]
    host = engine.start("first", *LOCKED, *mounts)
    assert engine.run("exec", "first", "id", "-u").strip() == "10001"
    states = requests.get(f"http://{host}/_localstack/init/ready", timeout=60).json()
    assert [each["state"] for each in states["scripts"]] == ["SUCCESSFUL", "ERROR"]
    log = engine.logs("first")
    assert "RepositoryNotFoundException" in log
    assert "20-fail.sh failed: its exit status is 25" in log

    emulator = log_in(engine, host)
    assert emulator.client("ecr").describe_repositories()["repositories"][0]["repositoryUri"] == f"{host}/team/app"
    engine.push(single_image(tmp_path / "image", seed="container"), f"{host}/team/app:1.0")
    pulled = engine.pull(f"{host}/team/app:1.0")
    assert '"team/app"' in engine.run("exec", "first", "awslocal", "ecr", "describe-repositories")
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="big")
    s3.put_object(Bucket="big", Key="spooled", Body=bytes(20_000_000))  # moto keeps what is large in a temporary file

    status, seconds = engine.stop("first")
    assert (status, seconds < 5) == (0, True)
    assert "Traceback" not in engine.logs("first")

    again = engine.start("second", *LOCKED, mounts[0])
    log_in(engine, again)
    assert engine.pull(f"{again}/team/app:1.0") == pulled
    assert engine.stop("second")[0] == 0


def test_the_doctor_finds_the_engine_and_its_login(engine):
    host = engine.start("examined", *LOCKED)
    log_in(engine, host)
    variables = {"DOCKER_HOST": engine.engine, "DOCKER_CONFIG": str(engine.folder / "config")}
    done = invoke(None, "doctor", "--json", AWS_ENDPOINT_URL=f"http://{host}", **variables)
    states = {each["check"]: each["state"] for each in json.loads(done.stdout)}
    assert [states[check] for check in ("emulator", "docker", "login")] == ["ok"] * 3, done.stdout
    engine.stop("examined")
    stopped = invoke(None, "doctor", "--json", AWS_ENDPOINT_URL=f"http://{host}", DOCKER_HOST=f"{engine.engine}.none")
    words = {each["check"]: each["words"] for each in json.loads(stopped.stdout)}
    assert "Nothing listens" in words["emulator"]
    assert words["docker"].startswith("Its engine does not answer: Cannot connect to the Docker daemon")


@pytest.fixture
def podman():
    """Yield podman with its storage in memory, since it copies the whole image for each layer."""
    with TemporaryDirectory(prefix="ecr-") as folder:
        shell = Shell({})
        shell.run("mount", "-t", "tmpfs", "tmpfs", folder)
        try:
            podman = Podman(Path(folder))
            yield podman
            podman.run("rm", "--all", "--force")
        finally:
            shell.run("umount", folder)


def test_podman_runs_the_image_too(engine, podman):
    engine.run("save", f"--output={podman.folder / 'image.tar'}", IMAGE)
    (podman.folder / "auth.json").write_text("{}")
    image = podman.fetch(f"docker-archive:{podman.folder / 'image.tar'}")
    port = free_port()
    limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"]  # podman's own are above those of some machines
    options = ["--detach", "--name=first", "--network=host", f"--env=ECR_EMULATOR_PORT={port}", *limits, *LOCKED]
    podman.run("--cgroup-manager=cgroupfs", "run", *options, image)
    until(lambda: answers(f"http://localhost:{port}/_ecr/ready"))
    podman.run("healthcheck", "run", "first")
    assert podman.run("exec", "first", "id", "-u").strip() == "10001"
    podman.run("stop", "first")
    assert podman.run("inspect", "--format={{.State.ExitCode}}", "first").strip() == "0"


def test_a_container_that_is_stopped_as_soon_as_it_has_started_ends_at_once(engine):
    engine.run("run", "--detach", "--name=brief", IMAGE)
    status, seconds = engine.stop("brief")
    assert (status in (0, 128 + SIGTERM), seconds < 5) == (True, True)


@pytest.fixture
def container_class(engine, monkeypatch):
    """Return the class, which finds the engine in the environment.

    It starts no helper, whose image is not here. Its engine is on this machine, even if this machine is a container.
    """
    from testcontainers.core.config import ConnectionMode, testcontainers_config

    from ecr_emulator.testcontainers import EcrEmulatorContainer

    monkeypatch.setenv("DOCKER_HOST", engine.engine)
    monkeypatch.setattr(testcontainers_config, "ryuk_disabled", True)
    monkeypatch.setattr(testcontainers_config, "connection_mode_override", ConnectionMode.docker_host)
    monkeypatch.setattr(testcontainers_config, "tc_host_override", "localhost")
    return EcrEmulatorContainer


def test_testcontainers_starts_an_emulator_and_removes_it(engine, container_class, tmp_path):
    (tmp_path / "seed.toml").write_text(SEED)
    container = container_class(IMAGE, account="123456789012", region="eu-west-1").with_seed(tmp_path / "seed.toml")
    with container:
        (repository,) = container.get_client("ecr").describe_repositories()["repositories"]
        assert repository["repositoryArn"] == "arn:aws:ecr:eu-west-1:123456789012:repository/team/seeded"
        registry = container.get_registry()
        assert container.get_url() == f"http://{registry.address}"
        engine.login(registry.address, registry.password)
        engine.pull(f"{registry.address}/team/seeded:1.0")
        pushed = container.emulator.push_image("team/pushed", "2.0")
        assert container.emulator.pull("team/pushed:2.0").digest == pushed.digest
        name = container.get_wrapped_container().name
    assert name not in engine.run("ps", "--all")


def test_testcontainers_tells_why_a_container_does_not_start(container_class, tmp_path):
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "wrong.toml").write_text(SEED.replace("tags", "tag"))
    container = container_class(IMAGE).with_seed(tmp_path / "seeds")
    with pytest.raises(RuntimeError) as refused, container:
        pass
    (log,) = refused.value.__notes__
    assert re.search(r"wrong\.toml, line 3: .* did you mean tags\?", log)


@pytest.fixture
def compose(engine):
    """Yield a function that runs a command of compose with the project's file."""
    variables = {"DOCKER_HOST": engine.engine, "ECR_EMULATOR_PORT": str(free_port()), "COMPOSE_PROJECT_NAME": "journey"}
    shell = Shell(variables, SOURCES)

    def run(*arguments):
        return shell.run(program("docker-compose"), "--profile=example", *arguments)

    yield run
    run("down", "--volumes")


def test_compose_starts_what_depends_on_the_emulator_when_it_is_healthy(compose):
    compose("up", "--detach", "--no-build")
    until(lambda: "Exit" in compose("ps", "--all", "example"))
    assert compose("logs", "--no-color", "example").split()[-2:] == ["team/web", "team/worker"]


def test_kind_reads_the_example(engine):
    """kind gets as far as the download of its image, which is not available."""
    shell = Shell({"DOCKER_HOST": engine.engine}, SOURCES / "examples" / "kubernetes")
    with pytest.raises(CommandFailed, match="failed to pull image"):
        shell.run(program("kind"), "create", "cluster", "--config", "kind.yaml")


def test_the_example_of_the_page_runs(container_class, tmp_path, monkeypatch, capsys):
    (example,) = re.findall(r"^```python\n(.*?)^```", (SOURCES / "docs" / "container.md").read_text(), re.M | re.S)
    monkeypatch.chdir(tmp_path)
    Path("seed.toml").write_text(f'account = "123456789012"\n{SEED}')
    exec(example, {})
    assert "localhost:" in (printed := capsys.readouterr().out)
    assert "team/seeded" in printed
