"""Requests to STS of callers without keys, who have a token of an identity provider."""

from __future__ import annotations

import base64
import json
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from ecr_emulator.emulator import Emulator
from tests.support.boto import ENDPOINT, send_in_process


def unsigned(emulator: Emulator) -> Any:
    """Return an STS client that sends unsigned requests."""
    client = boto3.client(
        "sts", region_name="us-east-1", endpoint_url=ENDPOINT, config=Config(signature_version=UNSIGNED)
    )
    send_in_process(client, emulator.wsgi)
    return client


def web_token(issuer: str) -> str:
    """Return a JSON web token of an issuer."""
    claims = base64.urlsafe_b64encode(json.dumps({"iss": issuer, "sub": "s"}).encode()).decode().rstrip("=")
    return f"e30.{claims}.c2ln"
