"""Here is what comes along of who built a file: attestations (PEP 740), as the form has them."""

import json
from typing import Any

from stageproxy.core.values import FormFields

FIELD = "attestations"
"""The form's field: a JSON array of attestation objects."""

UNREADABLE = "The attestations that came along cannot be read. Publishing leaves them out."


def attestations_in(form: FormFields) -> list[dict[str, Any]] | None:
    """Return the attestations of a form; nothing if they are no JSON array of objects.

    They are never needed, and nothing of them is checked: that is for the
    index that shows them.
    """
    text = next((value for name, value in form if name == FIELD), "[]")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_array = isinstance(document, list) and all(isinstance(one, dict) for one in document)
    return document if is_array else None
