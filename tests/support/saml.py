"""Assertions of SAML, as far as moto reads them."""

from __future__ import annotations

import base64

_RESPONSE = (
    '<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" '
    'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"><saml:Assertion><saml:AttributeStatement>{}'
    "</saml:AttributeStatement></saml:Assertion></samlp:Response>"
)
_ATTRIBUTE = (
    '<saml:Attribute Name="https://aws.amazon.com/SAML/Attributes/{}">'
    "<saml:AttributeValue>{}</saml:AttributeValue></saml:Attribute>"
)


def assertion(role: str, provider: str, session: str = "saml") -> str:
    """Return an assertion that lets its subject assume a role, as the request carries it."""
    attributes = {"Role": f"{role},{provider}", "RoleSessionName": session}
    stated = "".join(_ATTRIBUTE.format(name, value) for name, value in attributes.items())
    return base64.b64encode(_RESPONSE.format(stated).encode()).decode()
