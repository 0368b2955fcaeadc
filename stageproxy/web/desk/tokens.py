"""API tokens at the desk, for administrators: listed, made and revoked."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from stageproxy.core.errors import InvalidRequestError, NotFoundError, Problem, StageproxyError
from stageproxy.core.rights import Action, ApiToken, Token
from stageproxy.services.access import require
from stageproxy.services.sessions import SignedIn
from stageproxy.services.tokens import TokenRequest
from stageproxy.web.desk.answers import (
    Form,
    change_of_signed_in,
    desk_page,
    for_signed_in,
    see_other,
)
from stageproxy.web.documents.token_orders import MakeToken
from stageproxy.web.keys import TOKENS

_MOST = 500
"""How many tokens are listed; the page says so if there are more."""
_FIELDS = ("project", "can", "version", "expires", "name")


@for_signed_in
async def show_tokens(request: web.Request, signed_in: SignedIn) -> web.StreamResponse:
    """Return the list of API tokens, with a form to make one."""
    return await _page(request, signed_in, filled_in={"can": "upload"})


@change_of_signed_in
async def desk_make_token(
    request: web.Request, signed_in: SignedIn, form: Form
) -> web.StreamResponse:
    """Make an API token. Only this answer shows it."""
    given = {name: form[name].strip() for name in _FIELDS if form.get(name, "").strip()}
    try:
        order = _order_in(given)
        made, stored = await request.app[TOKENS].make(signed_in.token, order)
    except InvalidRequestError as error:
        return await _page(request, signed_in, filled_in=given, error=error)
    return await _page(request, signed_in, filled_in={"can": "upload"}, made=made, stored=stored)


@for_signed_in
async def ask_revoke(request: web.Request, signed_in: SignedIn) -> web.StreamResponse:
    """Return the page that asks whether an API token is to be revoked."""
    tokens = await request.app[TOKENS].list(signed_in.token)
    token_id = request.match_info["id"]
    token = next((one for one in tokens if one.id == token_id), None)
    if token is None:
        raise NotFoundError(f"There is no API token {token_id}.")
    is_own = token.id == signed_in.token.id
    return desk_page(request, "revoke.html", signed_in, token=token, is_own=is_own)


@change_of_signed_in
async def desk_revoke(request: web.Request, signed_in: SignedIn, _form: Form) -> web.StreamResponse:
    """Revoke an API token."""
    revoked = await request.app[TOKENS].revoke(signed_in.token, request.match_info["id"])
    return see_other(request, f"/desk/tokens?revoked={revoked.id}")


async def _page(
    request: web.Request,
    signed_in: SignedIn,
    *,
    filled_in: Mapping[str, str],
    error: StageproxyError | None = None,
    made: Token | None = None,
    stored: ApiToken | None = None,
) -> web.Response:
    require(signed_in.token, Action.TOKENS, None)
    tokens = await request.app[TOKENS].list(signed_in.token)
    now = request.app[TOKENS].clock.now()
    live = [one for one in tokens if one.is_live(now)]
    revoked = next((one for one in tokens if one.id == request.query.get("revoked")), None)
    return desk_page(
        request,
        "tokens.html",
        signed_in,
        status=400 if error else 200,
        live=live[:_MOST],
        left_out=max(0, len(live) - _MOST),
        most=_MOST,
        filled_in={**dict.fromkeys(_FIELDS, ""), **filled_in},
        problems=_problems(error),
        secret=made.reveal() if made else "",
        stored=stored,
        revoked=revoked if revoked and revoked.revoked_at else None,
    )


def _order_in(given: Mapping[str, Any]) -> TokenRequest:
    """Return the token that a form asks for, by the rules of the API."""
    try:
        return MakeToken.model_validate({"project": "", **given}).order
    except ValidationError as error:
        problems = [
            Problem(
                ".".join(str(part) for part in one["loc"]),
                str(one["msg"]).removeprefix("Value error, "),
            )
            for one in error.errors(include_url=False, include_input=False)
        ]
        raise InvalidRequestError("The token was not made.", problems) from error


def _problems(error: StageproxyError | None) -> list[Problem]:
    if error is None:
        return []
    return [*error.problems] or [Problem("", error.sentence)]
