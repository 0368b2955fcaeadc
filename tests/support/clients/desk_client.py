"""Somebody at the desk, as their browser behaves: it has a cookie, and fills in forms."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlencode

from tests.support.clients.http import Answer
from tests.support.servers.service import RunningService

FORM_TYPE = "application/x-www-form-urlencoded"
_HIDDEN = re.compile(r'<input type="hidden" name="([\w-]+)" value="([^"]*)">')
_FORM = re.compile(r'<form method="post" action="([^"]*)".*?</form>', re.DOTALL)


@dataclass(slots=True)
class DeskClient:
    """A browser in which somebody may be signed in. It follows no redirect."""

    service: RunningService
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **headers: str) -> Answer:
        """Return a page."""
        sent = {"Accept": "text/html", **self._cookie(), **self.headers, **headers}
        return self._noted(await self.service.send("GET", path, sent))

    async def post(
        self, path: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a form from a page of the server, or with other *headers* that say from where."""
        from_own_page = {"Origin": self.service.url, "Sec-Fetch-Site": "same-origin"}
        sent = {
            "Content-Type": FORM_TYPE,
            **self._cookie(),
            **self.headers,
            **(from_own_page if headers is None else headers),
        }
        data = urlencode(form).encode()
        return self._noted(await self.service.send("POST", path, sent, data=data))

    async def sign_in(self, token: str, **more: str) -> Answer:
        """Sign in with an API token."""
        return await self.post("/desk/sign-in", {"token": token, **more})

    async def submit(self, path: str, **fields: str) -> Answer:
        """Open a page, and send the form with its path, filled in with *fields*."""
        hidden = hidden_fields(await self.get(path), path)
        return await self.post(path, {**hidden, **fields})

    async def form_token(self) -> str:
        """Return the token of the forms of the session."""
        return hidden_fields(await self.get("/"), "/desk/sign-out")["form-token"]

    def _cookie(self) -> dict[str, str]:
        text = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Cookie": text} if text else {}

    def _noted(self, answer: Answer) -> Answer:
        if line := answer.headers.get("Set-Cookie", ""):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        return answer


def hidden_fields(page: Answer, action: str) -> dict[str, str]:
    """Return the hidden fields of the form of a page with this path."""
    forms = [one for one in _FORM.finditer(page.text) if unescape(one[1]) == action]
    assert forms, f"no form for {action} in {page.status}: {page.text}"
    return {name: unescape(value) for name, value in _HIDDEN.findall(forms[0][0])}


async def signed_in(service: RunningService, token: str | None = None) -> DeskClient:
    """Return the browser of somebody who is signed in, by default with the admin token."""
    client = DeskClient(service)
    answer = await client.sign_in(token or service.admin)
    assert answer.status == 303, answer.text
    return client


def shown(page: Answer) -> str:
    """Return the text of a page as people read it, without markup, on one line."""
    without_head = re.sub(r"<head>.*?</head>|<script.*?</script>", " ", page.text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", without_head)).split())


def of(stage: Any, path: str = "") -> str:
    """Return a path of the desk about a stage."""
    return f"/desk/stages/{stage['id']}{path}"
