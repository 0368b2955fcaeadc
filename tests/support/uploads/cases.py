"""Recorded answers of PyPI's own software to uploads, and their requests."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.support.builders.distributions import Distribution
from tests.support.builders.forms import Part, form_parts
from tests.support.builders.recipes import build_recipe
from tests.support.clients.http import Answer
from tests.support.servers.processes import ROOT

Case = Mapping[str, Any]
CASES: list[Any] = json.loads((ROOT / "tests" / "data" / "upload_cases.json").read_text())
BY_ID: Mapping[str, Case] = {case["id"]: case for case in CASES}


def built(case: Case) -> Distribution:
    """Return the file of a case."""
    return build_recipe(case["file"])


def parts_of(case: Case) -> list[Part]:
    """Return the form of a case, its file last."""
    if "file" not in case:
        return form_parts(case["form"])
    file = built(case)
    digests = {
        "$SHA256": file.sha256,
        "$SHA256_UPPER": file.sha256.upper(),
        "$MD5_HEX": file.md5,
        "$MD5_BASE64URL_NOPAD": "CY9rzUYh03PK3k6DJie09g",
        "$BLAKE2_256": file.blake2b_256,
    }
    parts = [_field(name, value, digests) for name, value in case["form"]]
    content_type = case["file_content_type"]
    sent_type = None if content_type == "NONE" else content_type
    return [*parts, Part("content", file.content, file.filename, sent_type)]


def is_as_on_pypi(answer: Answer, case: Case) -> bool:
    """Return whether an answer has PyPI's status and sentence, in the status line or the body."""
    lines = [f"{answer.status} {line}" for line in [answer.reason, *answer.text.splitlines()]]
    found = any(re.search(case["expected_text_regex"], line) for line in lines)
    return answer.status == case["expected_status"] and found


def _field(name: str, value: str | Mapping[str, str], digests: Mapping[str, str]) -> Part:
    """Return a field of a case with its placeholders replaced."""
    if isinstance(value, str):
        return Part(name, digests.get(value, value).encode())
    return Part(name, b"x", value["as_file"])
