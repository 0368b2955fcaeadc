"""Attestations and identity tokens with the claims that are read."""

import base64
import json
from typing import Any


def an_identity(**claims: Any) -> str:
    """Return the identity token of a job: a JWT without a valid signature."""
    return f"{_part({'alg': 'none'})}.{_part(claims)}.signature"


def an_attestation(workflow: str, host: str = "ci.example") -> dict[str, Any]:
    """Return an attestation whose certificate names a workflow."""
    uri = f"https://{host}/{workflow}".encode()
    der = b"\x30\x82\x01\x0a\x06\x03\x55\x1d\x11" + b"\x86" + _length(uri) + uri + b"0\x0a\x06\x0a+"
    return {
        "version": 1,
        "verification_material": {
            "certificate": base64.b64encode(der).decode(),
            "transparency_entries": [],
        },
        "envelope": {"statement": "", "signature": ""},
    }


def _length(text: bytes) -> bytes:
    """Return a length in ASN.1."""
    count = len(text)
    if count < 0x80:
        return bytes([count])
    octets = count.to_bytes(1 if count < 0x100 else 2, "big")
    return bytes([0x80 + len(octets)]) + octets


def _part(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()
