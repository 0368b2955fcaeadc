"""The admin token in the data directory, for whoever can read that directory."""

import asyncio

from stageproxy.catalogue import Catalogue
from stageproxy.core.rights import EVERY_PROJECT, TokenKind
from stageproxy.ports import Clock
from stageproxy.services.tokens import TokenRequest, Tokens
from stageproxy.store.directory import DataDirectory, usable, write_secret


async def create_admin_token(tokens: Tokens, directory: DataDirectory, name: str = "admin") -> None:
    """Make an admin token and write it to the data directory."""
    request = TokenRequest(TokenKind.ADMIN, EVERY_PROJECT, version=None, lifetime=None, name=name)
    token, stored = tokens.mint(request)
    # The file is written first: after a crash in between, another token is made.
    with usable(directory.admin_token):
        await asyncio.to_thread(write_secret, directory.admin_token, token.reveal())
    await tokens.store(stored)


async def replace_admin_token(catalogue: Catalogue, directory: DataDirectory, clock: Clock) -> None:
    """Write a new admin token to a data directory whose server is stopped.

    The other tokens stay valid.
    """
    await create_admin_token(Tokens(catalogue, clock), directory, name="")
