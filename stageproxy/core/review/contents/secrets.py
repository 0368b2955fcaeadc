"""Secrets that should not be in a release: private keys, and tokens of well-known formats."""

import re
from collections.abc import Mapping

from stageproxy.core.review.contents.literals import entropy_of

PRIVATE_KEY = "private key"

_FORMATS: Mapping[str, bytes] = {
    "private key": rb"-----BEGIN (?:[A-Z]+ ){0,2}PRIVATE KEY(?: BLOCK)?-----\s+[A-Za-z0-9+/=:]",
    "PyPI token": rb"\bpypi-AgE[A-Za-z0-9_-]{60,}",
    "GitHub token": rb"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b",
    "GitLab token": rb"\bglpat-[A-Za-z0-9_-]{20,}",
    "AWS access key": rb"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "Google API key": rb"\bAIza[A-Za-z0-9_-]{35}\b",
    "Slack token": rb"\bxox[abeprs]-[A-Za-z0-9-]{20,}",
    "Stripe key": rb"\b[rs]k_live_[A-Za-z0-9]{24,}",
    "npm token": rb"\bnpm_[A-Za-z0-9]{36}\b",
    "Hugging Face token": rb"\bhf_[A-Za-z0-9]{34}\b",
    "OpenAI key": rb"\bsk-(?:proj|svcacct)-[A-Za-z0-9_-]{40,}",
    "Anthropic key": rb"\bsk-ant-[a-z0-9]+-[A-Za-z0-9_-]{40,}",
}
KINDS = frozenset(_FORMATS)
"""The kinds of secrets."""

_ANY = re.compile(
    b"|".join(b"(?P<f%d>%b)" % (number, one) for number, one in enumerate(_FORMATS.values()))
)
_HINTS = (
    b"PRIVATE KEY", b"pypi-AgE", b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_",
    b"glpat-", b"AKIA", b"ASIA", b"AIza", b"xox", b"_live_", b"npm_", b"hf_", b"sk-",
)  # fmt: skip
_EXAMPLES = re.compile(rb"EXAMPLE|example|1234567|abcdef|xxxx|XXXX|0000")
_LEAST_ENTROPY = 3.0
_MOST_LOOKED_AT = 1000


def secrets_in(content: bytes) -> Mapping[str, int]:
    """Return the kinds of secrets in a file, each with its first line, never the secret itself.

    What is obviously an example is none.
    """
    if not any(hint in content for hint in _HINTS):
        return {}
    found: dict[str, int] = {}
    for number, match in enumerate(_ANY.finditer(content)):
        if number == _MOST_LOOKED_AT:
            break
        kind = list(_FORMATS)[int((match.lastgroup or "f0")[1:])]
        if kind not in found and _is_real(kind, match[0]):
            found[kind] = content.count(b"\n", 0, match.start()) + 1
    return found


def _is_real(kind: str, secret: bytes) -> bool:
    if kind == PRIVATE_KEY:
        return True
    return not _EXAMPLES.search(secret) and entropy_of(secret) >= _LEAST_ENTROPY
