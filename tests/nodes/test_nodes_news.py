"""Before each request, a node learns what another node has committed."""

import pytest
from werkzeug.test import Client

from ecr_emulator.domain.names import digest_of
from tests.support.boto import client_of
from tests.support.images import an_image, put_image
from tests.support.nodes import ACCOUNT

PATH = "/v2/team/app/manifests/v1"
OLD, NEW = an_image(1), an_image(2)


def ecr_of(node):
    return client_of(node, "ecr", account=ACCOUNT)


@pytest.fixture
def registry(nodes):
    """Two nodes, of which the second remembers the answer to a pull of the old image."""
    one, other = nodes.emulators
    ecr_of(one).create_repository(repositoryName="team/app")
    put_image(ecr_of(one), "team/app", OLD, "v1")
    for _ in range(3):  # the first pull is recorded, the second is remembered
        assert digest_of(Client(other.wsgi).get(PATH).data) == OLD.digest
    assert other.remembered_answers.given == 1
    return nodes


def test_a_remembered_answer_ends_with_a_push_to_another_node(registry):
    one, other = registry.emulators
    put_image(ecr_of(one), "team/app", NEW, "v1")
    assert digest_of(Client(other.wsgi).get(PATH).data) == NEW.digest
    assert other.remembered_answers.given == 1


def test_a_remembered_answer_ends_with_a_deletion_on_another_node(registry):
    one, other = registry.emulators
    ecr_of(one).delete_repository(repositoryName="team/app", force=True)
    assert Client(other.wsgi).get(PATH).status_code == 404


def test_a_push_to_another_repository_ends_no_remembered_answer(registry):
    one, other = registry.emulators
    ecr_of(one).create_repository(repositoryName="team/other")
    put_image(ecr_of(one), "team/other", NEW, "v1")
    Client(other.wsgi).get(PATH)
    assert other.remembered_answers.given == 2


def test_answers_are_remembered_again_after_a_push_to_another_node(registry):
    one, other = registry.emulators
    put_image(ecr_of(one), "team/app", NEW, "v1")
    for _ in range(3):
        assert digest_of(Client(other.wsgi).get(PATH).data) == NEW.digest
    assert other.remembered_answers.given == 2
