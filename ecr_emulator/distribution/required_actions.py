"""The IAM actions that each request of the registry API requires.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/logging-using-cloudtrail.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from werkzeug import Request

from ecr_emulator.distribution import blobs, manifests, referrers, routes, tags, uploads
from ecr_emulator.domain.names import Registry
from ecr_emulator.services.access import RequiredAction

Actions = Callable[[Request], tuple[str, ...]]

_IN_ONE_REQUEST = ("InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload")


def _pull_of_blob(request: Request) -> tuple[str, ...]:
    return ("BatchCheckLayerAvailability",) if request.method == "HEAD" else ("GetDownloadUrlForLayer",)


def _begin(request: Request) -> tuple[str, ...]:
    return _IN_ONE_REQUEST if request.args.get("digest") else ("InitiateLayerUpload",)


def _finish(request: Request) -> tuple[str, ...]:
    return ("CompleteLayerUpload",) if request.content_length == 0 else ("UploadLayerPart", "CompleteLayerUpload")


_NEEDED: Mapping[Callable[..., object], tuple[str, ...] | Actions] = {
    manifests.get_manifest: ("BatchGetImage",),
    manifests.put_manifest: ("PutImage",),
    manifests.delete_manifest: ("BatchDeleteImage",),
    blobs.get_blob: _pull_of_blob,
    blobs.refuse_delete: (),
    uploads.begin_upload: _begin,
    uploads.append_to_upload: ("UploadLayerPart",),
    uploads.finish_upload: _finish,
    uploads.get_upload: ("UploadLayerPart",),
    uploads.cancel_upload: ("UploadLayerPart",),
    tags.list_tags: ("ListImages",),
    tags.list_repositories: ("DescribeRepositories",),
    referrers.list_referrers: ("BatchGetImage",),
    routes.check_version: (),
}
"""The actions by the handlers of routes. While IAM is enforced, a request to a handler that is not listed fails."""


def required_actions(
    handler: Callable[..., object], request: Request, registry: Registry, name: str
) -> list[RequiredAction]:
    """Return the actions that a request requires, on its repository, or on all repositories if it names none.

    Raises ``KeyError`` for a handler that ``_NEEDED`` lacks.
    """
    needed = _NEEDED[handler]
    actions = needed if isinstance(needed, tuple) else needed(request)
    return [RequiredAction(f"ecr:{action}", registry.arn(name or "*")) for action in actions]
