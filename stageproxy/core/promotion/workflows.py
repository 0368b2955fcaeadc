"""Here is which workflow publishes, and which of a file's attestations it has made itself.

PyPI takes an attestation only from the workflow that is the project's Trusted
Publisher, and verifies it. Nothing is verified here: what would be refused is
only told from what would not.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any

from stageproxy.core.rules.attestations import attestations_in
from stageproxy.core.values import FormFields

_CLAIMS = ("job_workflow_ref", "workflow_ref", "ci_config_ref_uri")
"""Where an identity of a CI job says which workflow it is of, the most exact first."""

_URI = re.compile(rb"\x86(?:([\x00-\x7f])|\x81(.)|\x82(..))(?=https://)", re.DOTALL)
"""How a certificate says that a URI follows, in ASN.1: a tag, then the length."""

_HTTPS = "https://"


def workflow_of(identity: str) -> str | None:
    """Return the workflow that an identity (a JWT of a CI) is of: `owner/name/path@ref`."""
    claims = _claims_in(identity)
    found = (claims.get(name) for name in _CLAIMS)
    return next((one for one in found if isinstance(one, str) and one), None)


def own_attestations(form: FormFields, workflow: str | None) -> tuple[list[dict[str, Any]], int]:
    """Return the attestations in a form that a workflow has made, and how many others there are."""
    there = attestations_in(form) or []
    own = [one for one in there if workflow is not None and workflow in _makers_of(one)]
    return own, len(there) - len(own)


def _claims_in(identity: str) -> dict[str, Any]:
    try:
        _, payload, _ = identity.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _makers_of(attestation: dict[str, Any]) -> set[str]:
    """Return the workflows that the certificate of an attestation names, with and without host."""
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
