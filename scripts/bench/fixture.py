"""The costs of fixtures and commands, side by side with moto: medians of fresh processes, wall and processor time.

Needs the package with its test extra: ``python scripts/bench/fixture.py [rounds]``. Prints a Markdown table. In
each round every program runs once, so that all see the same machine. Servers listen on loopback and stop at the end.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import Request, urlopen

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.support.programs import free_port  # noqa: E402

ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "AWS_ACCESS_KEY_ID": "1", "AWS_SECRET_ACCESS_KEY": "1"}
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody compiles at each start
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
TARGET = "AmazonEC2ContainerRegistry_V20150921.CreateRepository"
ATTEMPT_SECONDS = 0.005


class Cost(NamedTuple):
    """Milliseconds of wall time and of processor time."""

    wall: float
    processor: float


COLD = {
    "interpreter alone": "pass",
    "import boto3 and make a client": "import boto3; boto3.client('ecr', 'us-east-1')",
    "EcrEmulator, in process": """
from ecr_emulator import EcrEmulator
with EcrEmulator() as emulator:
    emulator.client("ecr").create_repository(repositoryName="team/app")
""",
    "EcrEmulator, over its socket": """
import boto3
from ecr_emulator import EcrEmulator
with EcrEmulator() as emulator:
    boto3.client("ecr", "us-east-1", endpoint_url=emulator.endpoint_url).create_repository(repositoryName="team/app")
""",
    "moto mock_aws": """
import boto3
from moto import mock_aws
with mock_aws():
    boto3.client("ecr", "us-east-1").create_repository(repositoryName="team/app")
""",
    "moto ThreadedMotoServer": """
import boto3, logging
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").disabled = True
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
boto3.client("ecr", "us-east-1", endpoint_url=f"http://{host}:{port}").create_repository(repositoryName="team/app")
server.stop()
""",
}
"""Programs from the start of the interpreter to the first answered call of boto3."""

LAPS = """
import time
from statistics import median
def lap(action, before=lambda: None, times=50):
    walls, processors = [], []
    for _ in range(times):
        before()
        wall, processor = time.perf_counter(), time.process_time()
        action()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    print(median(walls) * 1000, median(processors) * 1000)
"""
WARM = {
    "import of the pytest plugin": """
import pytest
wall, processor = time.perf_counter(), time.process_time()
import ecr_emulator.testing.pytest_plugin
print((time.perf_counter() - wall) * 1000, (time.process_time() - processor) * 1000)
""",
    "reset, EcrEmulator in process": """
from ecr_emulator import EcrEmulator
with EcrEmulator() as emulator:
    ecr = emulator.client("ecr")
    lap(emulator.reset, lambda: ecr.create_repository(repositoryName="team/app"))
""",
    "reset, moto mock_aws": """
import boto3
from moto import mock_aws
from moto.moto_api._internal.models import moto_api_backend
with mock_aws():
    ecr = boto3.client("ecr", "us-east-1")
    lap(moto_api_backend.reset, lambda: ecr.create_repository(repositoryName="team/app"))
""",
    "reset over HTTP, running emulator": """
from ecr_emulator import EcrEmulator
from ecr_emulator.testing.running import RunningEcrEmulator
with EcrEmulator() as emulator, RunningEcrEmulator(emulator.endpoint_url) as running:
    ecr = running.client("ecr")
    lap(running.reset, lambda: ecr.create_repository(repositoryName="team/app"))
""",
    "reset over HTTP, ThreadedMotoServer": """
import boto3, logging, urllib3
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").disabled = True
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
url = "http://{}:{}".format(*server.get_host_and_port())
ecr, pool = boto3.client("ecr", "us-east-1", endpoint_url=url), urllib3.PoolManager()
lap(lambda: pool.request("POST", url + "/moto-api/reset"), lambda: ecr.create_repository(repositoryName="team/app"))
server.stop()
""",
    "restore of a snapshot with 100 images": """
from ecr_emulator import EcrEmulator
with EcrEmulator() as emulator:
    for number in range(100):
        emulator.push_image("team/app", f"1.{number}")
    snapshot, numbers = emulator.snapshot(), iter(range(1000))
    lap(lambda: emulator.restore(snapshot), lambda: emulator.push_image("team/app", f"2.{next(numbers)}"), times=20)
""",
    "restore of it, IAM, S3, SQS and secrets used": """
from ecr_emulator import EcrEmulator
with EcrEmulator() as emulator:
    for number in range(100):
        emulator.push_image("team/app", f"1.{number}")
    iam, s3 = emulator.client("iam"), emulator.client("s3")
    iam.create_user(UserName="ann")
    s3.create_bucket(Bucket="artifacts")
    for number in range(20):
        s3.put_object(Bucket="artifacts", Key=str(number), Body=b"content")
    emulator.client("sqs").create_queue(QueueName="events")
    emulator.client("secretsmanager").create_secret(Name="hub", SecretString="token")
    snapshot, numbers = emulator.snapshot(), iter(range(1000))
    def use():
        emulator.push_image("team/app", f"2.{next(numbers)}")
        iam.create_user(UserName="bob")
    lap(lambda: emulator.restore(snapshot), use, times=20)
""",
}
"""Programs that print the median wall and processor time of what they repeat, in milliseconds."""


def cold(program: str) -> Cost:
    """The cost of a whole process."""
    return _command([sys.executable, "-c", program])


def warm(program: str) -> Cost:
    """The cost that a program prints."""
    command = [sys.executable, "-c", LAPS + program]
    done = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True)
    return Cost(*map(float, done.stdout.split()))


def _command(command: list[str]) -> Cost:
    with _processor_time() as processor:
        begun = time.perf_counter()
        subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)
        wall = time.perf_counter() - begun
    return Cost(wall * 1000, processor[0] * 1000)


@contextmanager
def _processor_time() -> Iterator[list[float]]:
    """Put the processor time of the child processes that end meanwhile into the list, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent: list[float] = []
    yield spent
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def served(command: Callable[[int], list[str]]) -> Cost:
    """The cost from the start of a server to its first answer, and the processor time until it ends."""
    port = free_port()
    with _processor_time() as processor:
        begun = time.perf_counter()
        with subprocess.Popen(
            command(port), env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as it:
            _await_answer(port)
            wall = time.perf_counter() - begun
            it.terminate()
    return Cost(wall * 1000, processor[0] * 1000)


def _await_answer(port: int) -> None:
    scope = "Credential=1/20260101/us-east-1/ecr/aws4_request"
    headers = {
        "X-Amz-Target": TARGET,
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
    }
    body = json.dumps({"repositoryName": "team/app"}).encode()
    while True:
        with suppress(URLError, ConnectionError):
            urlopen(Request(f"http://127.0.0.1:{port}/", body, headers), timeout=30).read()
            return
        time.sleep(ATTEMPT_SECONDS)


def _measurements() -> dict[str, Callable[[], Cost]]:
    emulator = [sys.executable, "-m", "ecr_emulator"]
    moto = [sys.executable, "-c", "from moto.server import main; main()"]
    return {
        **{name: lambda program=program: cold(program) for name, program in COLD.items()},  # type: ignore[misc]
        **{name: lambda program=program: warm(program) for name, program in WARM.items()},  # type: ignore[misc]
        "ecr-emulator serve": lambda: served(lambda port: [*emulator, "serve", "--port", str(port)]),
        "moto_server": lambda: served(lambda port: [*moto, "-p", str(port)]),
        "ecr-emulator --help": lambda: _command([*emulator, "--help"]),
    }


def main(rounds: int) -> None:
    """Measure and print."""
    measurements = _measurements()
    costs: dict[str, list[Cost]] = {name: [] for name in measurements}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for name, measure in measurements.items():
            costs[name].append(measure())
    print(f"| median of {rounds} processes | wall, ms | processor, ms |\n| --- | --- | --- |")
    for name, found in costs.items():
        wall, processor = (median(each) for each in zip(*found, strict=True))
        print(f"| {name} | {wall:.1f} | {processor:.1f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
