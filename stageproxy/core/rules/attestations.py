"""Attestations in an upload form (PEP 740), and the workflows that made them.

PyPI verifies each attestation, and accepts it only from the workflow that is the
project's Trusted Publisher. This module verifies nothing: it only separates the
attestations that PyPI would refuse from the others.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any

from stageproxy.core.values import FormFields

FIELD = "attestations"
"""The form field: a JSON array of attestation objects."""

UNREADABLE = "The attestations cannot be read, so a promotion leaves them out."

_CLAIMS = ("job_workflow_ref", "workflow_ref", "ci_config_ref_uri")
"""The claims of a CI job's identity that name its workflow, the most exact first."""

_URI = re.compile(rb"\x86(?:([\x00-\x7f])|\x81(.)|\x82(..))(?=https://)", re.DOTALL)
"""The start of a URI in a certificate, in ASN.1: a tag, then the length."""

_HTTPS = "https://"


def attestations_in(form: FormFields) -> list[dict[str, Any]] | None:
    """Return the attestations of a form, `None` if they are not a JSON array of objects.

    The objects are not checked: that is up to the index that shows them.
    """
    text = next((value for name, value in form if name == FIELD), "[]")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_array = isinstance(document, list) and all(isinstance(one, dict) for one in document)
    return document if is_array else None


def workflow_of(identity: str) -> str | None:
    """Return the workflow in an identity, the JWT of a CI job: `owner/name/path@ref`."""
    claims = _claims_in(identity)
    found = (claims.get(name) for name in _CLAIMS)
    return next((one for one in found if isinstance(one, str) and one), None)


def own_attestations(form: FormFields, workflow: str | None) -> tuple[list[dict[str, Any]], int]:
    """Return the attestations in a form that a *workflow* made, and the number of others."""
    attestations = attestations_in(form) or []
    own = [one for one in attestations if workflow is not None and workflow in _makers_of(one)]
    return own, len(attestations) - len(own)


def _claims_in(identity: str) -> dict[str, Any]:
    try:
        _, payload, _ = identity.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _makers_of(attestation: dict[str, Any]) -> set[str]:
    """Return the workflows in the certificate of an attestation, with and without the host."""
    material = attestation.get("verification_material")
    certificate = material.get("certificate") if isinstance(material, dict) else None
    try:
        der = base64.b64decode(certificate, validate=True) if isinstance(certificate, str) else b""
    except binascii.Error:
        return set()
    paths = {uri.removeprefix(_HTTPS) for uri in _uris_in(der)}
    return paths | {path.partition("/")[2] for path in paths}


def _uris_in(der: bytes) -> Iterator[str]:
    for found in _URI.finditer(der):
        length = int.from_bytes(next(filter(None, found.groups()), b""), "big")
        yield der[found.end() : found.end() + length].decode("ascii", "replace")
