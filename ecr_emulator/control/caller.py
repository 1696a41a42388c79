"""Identify the caller of a request by its SigV4 signature, in the ``Authorization`` header or in the query.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

from __future__ import annotations

import hmac
from datetime import datetime

from ecr_emulator.control.credential import Credential
from ecr_emulator.control.signatures import SignatureCheck, SignedRequest
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.names import Registry, is_account_id
from ecr_emulator.errors import ExpiredTokenException, MissingAuthenticationTokenException, UnrecognizedClientException
from ecr_emulator.ports.identities import AccessKey, Identities
from ecr_emulator.quick_dataclasses import dataclass


@dataclass(frozen=True)
class Callers:
    """Finds the callers of requests.

    An access key of twelve digits belongs to the root user of that account. ``identities`` know the owners of other
    keys. An unknown key belongs to the root user of ``home``, or is rejected if ``rejects_unknown_keys``.
    ``signatures`` checks the signatures of known keys; None leaves them unchecked.
    """

    identities: Identities
    home: Registry
    rejects_unknown_keys: bool = False
    signatures: SignatureCheck | None = None

    def find(self, request: SignedRequest, now: datetime) -> Caller:
        """Return the caller of a request.

        Raises ``MissingAuthenticationTokenException``, ``IncompleteSignatureException``,
        ``UnrecognizedClientException``, ``ExpiredTokenException`` and ``InvalidSignatureException``.
        """
        credential = Credential.of(request.authorization, request.query)
        if credential is None:
            raise MissingAuthenticationTokenException
        if is_account_id(credential.access_key):
            return Caller.root_of(Registry(credential.access_key, credential.region))
        known = self.identities.find_key(credential.access_key)
        if known is None:
            if self.rejects_unknown_keys:
                raise UnrecognizedClientException
            return Caller.root_of(Registry(self.home.id, credential.region))
        self._check(request, credential, known, now)
        session = credential.access_key if known.session_token else None
        return Caller(Registry(known.account, credential.region), known.principal_arn, session)

    def _check(self, request: SignedRequest, credential: Credential, known: AccessKey, now: datetime) -> None:
        if self.rejects_unknown_keys or self.signatures:
            _check_session(known, credential.session_token or request.header("X-Amz-Security-Token"), now)
        if self.signatures:
            self.signatures.check(request, credential, known.secret)


def _check_session(known: AccessKey, token: str | None, now: datetime) -> None:
    if known.session_token and not hmac.compare_digest(known.session_token.encode(), (token or "").encode()):
        raise UnrecognizedClientException
    if known.expires_at and now >= known.expires_at:
        raise ExpiredTokenException
