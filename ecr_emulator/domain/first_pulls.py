"""Clients for which ECR makes no first pull: AWS Lambda and clients of FIPS endpoints. They get only cached images.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""

from __future__ import annotations

import re

LAMBDA = "lambda.amazonaws.com"
"""The service principal of AWS Lambda. AWS services also send their service principal as their user agent."""
CALLER_HEADER = "X-Ecr-Emulator-Caller"
"""The header with which an emulator of Lambda says ``lambda`` when it pulls with a client that it did not write."""

_FIPS_HOST = re.compile(r"(?:\d{12}\.dkr[.-])?ecr-fips\.[a-z0-9-]+\..+")


def reason_for_no_first_pull(host: str, user_agent: str, caller: str = "") -> str | None:
    """Return the reason why no first pull is made for a client, as a sentence; None if there is no such reason.

    ``host`` is the host name that the client uses for the registry or the API, ``caller`` the value of
    ``CALLER_HEADER``.
    """
    if caller.lower() in ("lambda", LAMBDA) or user_agent.startswith(LAMBDA):
        return "AWS Lambda does not pull through the cache; pull the image once with another client"
    if "-fips." in host and _FIPS_HOST.fullmatch(host.lower()):
        return f"first pulls do not work over the FIPS endpoint {host}; pull the image once over another one"
    return None
