"""Pulls while somebody moves the tag: once a client has seen the new image, nobody sees the old one again."""

from unittest.mock import patch

import pytest
from werkzeug.test import Client

from ecr_emulator.domain.names import digest_of
from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
from tests.support.clock import FrozenClock
from tests.support.images import an_image, put_image, put_manifest
from tests.support.interleaving import SwitchedLock, every_interleaving, switched

PATH = "/v2/team/app/manifests/v1"
OTHER, ANOTHER = f"{PATH}?n=1", f"{PATH}?n=2"
"""The same tag, in requests whose answers are not remembered yet."""
OLD, NEW = an_image(1), an_image(2)


class LockWithStepAfterwards(SwitchedLock):
    """A lock whose holder may also be stopped just after it is released: here, before the commit and after it."""

    def __exit__(self, *failure):
        super().__exit__(*failure)
        self._switch.step()


@pytest.mark.slow
def test_no_pull_is_older_than_one_before_it():
    orders = set()

    def run(switch):
        with Emulator(Settings(registry_auth="open", account="123456789012"), FrozenClock()) as emulator:
            ecr, http = client_of(emulator, "ecr", account="123456789012"), Client(emulator.wsgi)
            ecr.create_repository(repositoryName="team/app")
            put_image(ecr, "team/app", NEW, "v2")
            put_image(ecr, "team/app", OLD, "v1")
            for image in (OLD, NEW):  # recorded pulls are not recorded again within a minute
                http.get(f"/v2/team/app/manifests/{image.digest}")
            for _ in range(2):
                http.get(PATH)
            assert emulator.remembered_answers.given == 1
            pulled, acknowledged = [], []

            def move_the_tag():
                put_manifest(ecr, "team/app", NEW.raw, "v1")
                acknowledged.append(len(pulled))

            def pull():
                for path in (OTHER, PATH, ANOTHER, PATH):
                    switch.step()  # a remembered answer takes none
                    pulled.append(digest_of(http.get(path).data))

            watched = patch.object(emulator._store._watches, "_lock", LockWithStepAfterwards(switch))
            with switched(emulator, switch), watched:
                switch.run(move_the_tag, pull)
            assert pulled == sorted(pulled, key=[OLD.digest, NEW.digest].index)
            assert set(pulled[acknowledged[0] + 1 :]) <= {NEW.digest}
            assert {digest_of(http.get(path).data) for path in (PATH, OTHER, ANOTHER)} == {NEW.digest}
            orders.add(tuple(pulled))

    every_interleaving(run)
    assert len(orders) == 5  # the tag moved before the first pull, or after one to four of them
