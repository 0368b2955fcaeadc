"""The admin token in the data directory, for whoever can read that directory."""

import asyncio

from stageproxy.catalogue import Catalogue
from stageproxy.core.rights import EVERY_PROJECT, ApiToken, TokenKind
from stageproxy.ports import Clock
from stageproxy.services.tokens import TokenRequest, Tokens
from stageproxy.store.directory import DataDirectory, usable, write_secret


async def create_first_admin_token(tokens: Tokens, directory: DataDirectory) -> bool:
    """Make an admin token if there is no token yet, and write it to the data directory.

    Return whether it was made: of several servers that start at once, one makes it.
    """
    if await tokens.catalogue.read(lambda rows: rows.tokens.list()):
        return False
    stored = await _write_admin_token(tokens, directory, "admin")
    is_first = await tokens.store_first(stored)
    if not is_first:
        with usable(directory.admin_token):
            await asyncio.to_thread(directory.admin_token.unlink)
    return is_first


async def replace_admin_token(catalogue: Catalogue, directory: DataDirectory, clock: Clock) -> None:
    """Write a new admin token to a data directory whose server is stopped.

    The other tokens stay valid.
    """
    tokens = Tokens(catalogue, clock)
    await tokens.store(await _write_admin_token(tokens, directory, name=""))


async def _write_admin_token(tokens: Tokens, directory: DataDirectory, name: str) -> ApiToken:
    """Write a new admin token to the data directory, and return what is to be stored of it.

    The file is written first: after a crash in between, another token is made.
    """
    request = TokenRequest(TokenKind.ADMIN, EVERY_PROJECT, version=None, lifetime=None, name=name)
    token, stored = tokens.mint(request)
    with usable(directory.admin_token):
        await asyncio.to_thread(write_secret, directory.admin_token, token.reveal())
    return stored
