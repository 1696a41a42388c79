"""Clients of all kinds push at the same time: the same image, and different ones to the same tag."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.support.clients import Crane, Oras, Regctl, Skopeo, logged_in
from tests.support.layouts import Layout, single_image

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

NAME = "team/app"
KINDS = [Skopeo, Crane, Regctl, Oras]


@pytest.fixture
def clients(emulator):
    with ExitStack() as running:
        yield [running.enter_context(logged_in(kind, emulator)) for kind in KINDS]


def push_together(clients, images, reference):
    with ThreadPoolExecutor(len(clients)) as pool:
        pushes = [pool.submit(client.push, image, reference) for client, image in zip(clients, images, strict=True)]
        for push in pushes:
            push.result()


def expect_whole(client, image, reference, folder):
    pulled = Layout(folder)
    client.pull_into(pulled, reference)
    assert (pulled.top(), pulled.blobs()) == (image.top(), image.blobs())


def test_an_image_that_all_clients_push_is_stored_once_and_complete(aws, repository, clients, tmp_path):
    image = single_image(tmp_path / "image", seed="together", sizes=(20_000_000, 5_000_000, 10))
    push_together(clients, [image] * len(clients), f"{repository}:v1")
    assert [(each["imageDigest"], each["imageTags"]) for each in aws.images(NAME)] == [(image.top(), ["v1"])]
    expect_whole(clients[0], image, f"{repository}:v1", tmp_path / "pulled")


def test_concurrent_pushes_to_one_tag_lose_no_image(aws, repository, clients, tmp_path):
    images = [single_image(tmp_path / client.name, seed=client.name) for client in clients]
    push_together(clients, images, f"{repository}:v1")
    described = {each["imageDigest"]: each.get("imageTags") for each in aws.images(NAME)}
    assert described.keys() == {image.top() for image in images}
    assert sorted(filter(None, described.values())) == [["v1"]]
    for client, image in zip(clients, images, strict=True):
        expect_whole(client, image, f"{repository}@{image.top()}", tmp_path / f"{client.name}-pulled")
