"""For whom ECR makes no first pull: AWS Lambda, and clients of FIPS endpoints. What is cached, they get.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""

from __future__ import annotations

import re

LAMBDA = "lambda.amazonaws.com"
"""The service principal of AWS Lambda, which AWS services also name as their user agent."""
CALLER_HEADER = "X-Ecr-Emulator-Caller"
"""Emulators of Lambda that pull with somebody else's client say ``lambda`` here."""

_FIPS_HOST = re.compile(r"(?:\d{12}\.dkr[.-])?ecr-fips\.[a-z0-9-]+\..+")


def reason_for_no_first_pull(host: str, user_agent: str, caller: str = "") -> str | None:
    """Why nothing is imported for a client, in words; None if that is no reason to refuse.

    ``host`` is the name by which it addresses the registry or the API, ``caller`` what ``CALLER_HEADER`` says.
    """
    if caller.lower() in ("lambda", LAMBDA) or user_agent.startswith(LAMBDA):
        return "AWS Lambda does not pull through the cache; pull the image once with another client"
    if "-fips." in host and _FIPS_HOST.fullmatch(host.lower()):
        return f"first pulls do not work over the FIPS endpoint {host}; pull the image once over another one"
    return None
