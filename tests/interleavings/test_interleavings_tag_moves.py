"""A tag that moves, and whose old image is deleted, while somebody pulls it: it has an image all the time."""

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
from tests.support.clock import FrozenClock
from tests.support.images import an_image, put_image, put_manifest
from tests.support.interleaving import every_interleaving, switched

OLD, NEW = an_image(1), an_image(2)


def test_batch_get_image_returns_the_old_image_or_the_new_one():
    seen = set()

    def run(switch):
        with Emulator(Settings(), FrozenClock()) as emulator:
            ecr = client_of(emulator, "ecr")
            ecr.create_repository(repositoryName="team/app")
            put_image(ecr, "team/app", NEW, "v2")
            put_image(ecr, "team/app", OLD, "v1")

            def pull():
                return ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])

            def move_the_tag():
                put_manifest(ecr, "team/app", NEW.raw, "v1")
                ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageDigest": OLD.digest}])

            with switched(emulator, switch):
                answer = switch.run(pull, move_the_tag)
            assert answer["failures"] == []
            seen.add(answer["images"][0]["imageManifest"].encode())

    every_interleaving(run, is_whole=True)
    assert seen == {OLD.raw, NEW.raw}
