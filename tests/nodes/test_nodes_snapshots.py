"""Snapshots, seeds and init scripts with two nodes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import requests
from werkzeug.test import Client

from tests.support.admin_api import AdminClient
from tests.support.boto import client_at, client_of
from tests.support.docker import Docker
from tests.support.images import an_image
from tests.support.nodes import ACCOUNT, node_processes
from tests.support.programs import until

APP = "team/app"
OLD, NEW = an_image(1), an_image(2)


def tags(emulator):
    answer = Client(emulator.wsgi).get(f"/v2/{APP}/tags/list")
    return answer.json["tags"] if answer.status_code == 200 else None


def pushed(emulator, image, tag):
    docker = Docker(emulator)
    docker.push(image, tag)


@pytest.fixture
def two(nodes):
    client_of(nodes.emulators[0], account=ACCOUNT).create_repository(repositoryName=APP)
    pushed(nodes.emulators[0], OLD, "v1")
    return nodes.emulators


def test_a_snapshot_is_restored_for_all_nodes_by_the_node_that_has_it(two):
    first, second = two
    admin, elsewhere = AdminClient(first.wsgi), AdminClient(second.wsgi)
    name = admin.post("/_ecr/snapshots", json={}).json["snapshot"]
    other = elsewhere.post("/_ecr/snapshots", json={}).json["snapshot"]
    assert name != other
    pushed(second, NEW, "v2")
    elsewhere.post("/_ecr/clock", json={"advance": "2h"})
    assert tags(first) == ["v1", "v2"]
    refused = elsewhere.post(f"/_ecr/snapshots/{name}/restore", json={})
    assert refused.status_code == 404
    assert f"'{name}' is in the memory of the node {name[:8]}" in refused.json["error"]
    assert elsewhere.post(f"/_ecr/snapshots/{name[:8]}-9/restore", json={}).status_code == 404
    assert admin.post(f"/_ecr/snapshots/{name}/restore", json={}).status_code == 200
    assert tags(first) == tags(second) == ["v1"]
    assert abs(first.clock.now() - second.clock.now()) < timedelta(minutes=1)
    assert second.clock.ahead < timedelta(hours=1)
    pushed(second, NEW, "v3")
    layer = Client(first.wsgi).get(f"/v2/{APP}/blobs/{NEW.layers[0].digest}")
    assert (layer.status_code, tags(first)) == (200, ["v1", "v3"])


def test_a_saved_state_of_one_node_is_loaded_for_all(two):
    first, second = two
    saved = Client(first.wsgi).get("/_ecr/state").data
    pushed(second, NEW, "v2")
    assert Client(second.wsgi).put("/_ecr/state", data=saved).status_code == 200
    assert tags(first) == tags(second) == ["v1"]
    assert Client(first.wsgi).get(f"/v2/{APP}/blobs/{OLD.layers[0].digest}").status_code == 200


@pytest.mark.slow
def test_nodes_that_start_together_seed_and_run_init_scripts_one_after_the_other(databases, tmp_path):
    seed, script = tmp_path / "seed.toml", tmp_path / "init.sh"
    seed.write_text("".join(f'[[repositories]]\nname = "app-{number}"\n' for number in range(30)))
    script.write_text(
        f"#!/bin/sh\nmkdir {tmp_path}/running || touch {tmp_path}/both\nsleep 0.3\nrmdir {tmp_path}/running\n"
    )
    script.chmod(0o700)
    with (
        node_processes(databases(), tmp_path, "--seed", str(seed), "--init-scripts", str(script)) as nodes,
        ThreadPoolExecutor() as threads,
    ):
        started = list(threads.map(lambda _: nodes.start(), range(3)))
        for node in started:
            until(lambda url=node.url: requests.get(f"{url}/_ecr/ready", timeout=5).ok)
            assert len(client_at(node.url, account=ACCOUNT).describe_repositories()["repositories"]) == 30
        assert "shared with other nodes" in started[0].output
    assert not (tmp_path / "both").exists()
