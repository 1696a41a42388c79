"""``/_ecr/signing``: what verifiers of the emulator's signatures must trust."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue

from ecr_emulator.domain.notary import trust_policy
from ecr_emulator.services import Services

STORE = "ecr-emulator"
"""The name of the trust store of notation."""


class SigningAdmin:
    """The view."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def show(self, _: Mapping[str, Any]) -> ResponseReturnValue:
        """Return the certificate that vouches for signatures, and a trust policy of notation that requires it."""
        with self._services.store.writing() as work:
            certificate = self._services.signatures.certificate(work)
        return jsonify(store=STORE, certificate=certificate, trust_policy=trust_policy(STORE))
