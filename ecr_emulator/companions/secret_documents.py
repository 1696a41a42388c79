"""All secrets of an emulator as one document of JSON, with a record for each."""

from __future__ import annotations

import json

from ecr_emulator.companions.moto_attributes import Record, requiring_known_attributes
from ecr_emulator.companions.secret_records import VERSION, record_of, records_in, secret_of


def as_document(records: list[Record]) -> str:
    """Return records as a document."""
    return json.dumps({"version": VERSION, "secrets": records})


def read_document(text: str) -> list[Record]:
    """Return the records of a document.

    Raises ``ValueError``, ``TypeError``, ``LookupError`` or ``AttributeError`` for what is none.
    """
    return records_in(json.loads(text))


def all_records() -> list[Record]:
    """Return the records of all secrets that moto shows. Raises ``IncompatibleMoto``."""
    from moto.secretsmanager.models import FakeSecret, secretsmanager_backends

    return [
        record_of(secret)
        for regions in list(secretsmanager_backends.values())
        for backend in list(regions.values())
        for secret in list(dict.values(backend.secrets))
        if isinstance(secret, FakeSecret)
    ]


def put_back(records: list[Record]) -> None:
    """Create the secrets of all records in moto, or none. Raises ``IncompatibleMoto``.

    Replicas come last, since a secret of the same name has precedence.
    """
    from moto.secretsmanager.models import secretsmanager_backends

    restored = [secret_of(record) for record in records]
    homes = [secretsmanager_backends[record["account"]][record["region"]].secrets for record in records]
    for home, secret in zip(homes, restored, strict=True):
        home[secret.name] = secret
    with requiring_known_attributes("secrets"):
        for record, secret in zip(records, restored, strict=True):
            secret.replicas = secret.create_replicas([{"Region": region} for region in record["replicas"]], False)
