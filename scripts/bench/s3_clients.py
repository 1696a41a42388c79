"""Two clients of S3, boto3 and obstore: objects of 10 KiB and 64 MiB, the time of an import, and memory.

Needs the package with its extras bench and test, and ``versitygw``: ``python scripts/bench/s3_clients.py [rounds]``.
Each client runs in a process of its own, in turns with the other one, against the same server. Prints medians.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

SMALL, LARGE = 10 * 1024, 64 * 1024 * 1024
PIECE = 1024 * 1024
Client = tuple[Callable[[str, bytes], Any], Callable[[str], int]]


def main() -> None:
    from tests.support.s3 import find_gateway, running_gateway

    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    program = find_gateway()
    if program is None:
        raise SystemExit("versitygw is not installed")
    found: dict[str, list[dict[str, float]]] = {"boto3": [], "obstore": []}
    with running_gateway(program) as server:
        for _ in range(rounds):
            for name, results in found.items():
                command = [sys.executable, __file__, "--one", name, server.endpoint, server.new_bucket()]
                results.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    for measure in found["boto3"][0]:
        medians = {name: statistics.median(each[measure] for each in results) for name, results in found.items()}
        print(f"{measure:<35}" + "".join(f"   {name} {value:>8.1f}" for name, value in medians.items()))


def one(name: str, endpoint: str, bucket: str) -> None:
    """Measure one client, and print the results as JSON."""
    began = time.perf_counter()
    put, get = {"boto3": boto3_client, "obstore": obstore_client}[name](endpoint, bucket)
    results = {"import and client, ms": (time.perf_counter() - began) * 1000}
    results["memory after import, MiB"] = memory("VmRSS")
    put("first", b"")
    for threads in (1, 16):
        for size, number in ((SMALL, 400), (LARGE, 8)):
            with ThreadPoolExecutor(threads) as pool:
                results |= measured(pool, threads, size, number, put, get)
    results["largest memory, MiB"] = memory("VmHWM")
    print(json.dumps(results))


def measured(pool: ThreadPoolExecutor, threads: int, size: int, number: int, put: Any, get: Any) -> dict[str, float]:
    """Return MiB/s of large objects, and requests per second of small ones."""
    data, results = os.urandom(size), {}
    unit = "64 MiB, MiB/s" if size == LARGE else "10 KiB, requests/s"
    each = size / 1024 / 1024 if size == LARGE else 1
    for verb, call in (("put", lambda key: put(key, data)), ("get", get)):
        began = time.perf_counter()
        list(pool.map(call, [f"{size}-{index}" for index in range(number)]))
        results[f"{verb} {unit}, {threads} threads"] = number * each / (time.perf_counter() - began)
    return results


def boto3_client(endpoint: str, bucket: str) -> Client:
    """Return functions that put and get with boto3."""
    import boto3
    from botocore.config import Config

    from tests.support.s3 import KEY, REGION, SECRET

    config = Config(max_pool_connections=32)
    client = boto3.session.Session(KEY, SECRET, region_name=REGION).client("s3", endpoint_url=endpoint, config=config)

    def get(key: str) -> int:
        body = client.get_object(Bucket=bucket, Key=key)["Body"]
        return sum(len(piece) for piece in iter(lambda: body.read(PIECE), b""))

    return lambda key, data: client.put_object(Bucket=bucket, Key=key, Body=data), get


def obstore_client(endpoint: str, bucket: str) -> Client:
    """Return functions that put and get with obstore."""
    import obstore
    from obstore.store import S3Store

    from tests.support.s3 import KEY, REGION, SECRET

    store = S3Store(
        bucket, endpoint=endpoint, access_key_id=KEY, secret_access_key=SECRET, region=REGION,
        virtual_hosted_style_request=False, client_options={"allow_http": True},
    )  # fmt: skip

    def get(key: str) -> int:
        return sum(len(piece) for piece in obstore.get(store, key).stream(min_chunk_size=PIECE))

    return lambda key, data: obstore.put(store, key, data, use_multipart=False), get


def memory(field: str) -> float:
    """Return a field of Linux about the memory of this process, in MiB: its size now, or its largest size so far."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(*sys.argv[2:])
    else:
        main()
