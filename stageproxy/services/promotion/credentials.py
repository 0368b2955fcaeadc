"""The credentials of promotions: those of the settings, and one that came with a request."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import NormalizedName

from stageproxy.core.errors import ConflictError
from stageproxy.core.rights import Credential

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PromotionCredentials:
    """The credentials of the settings: by project, for all, in a file, in the URL."""

    username: str
    tokens: Mapping[str, str] = field(repr=False)
    token_file: Path | None
    token: str = field(repr=False)
    in_url: Credential | None = None

    async def find(self, project: NormalizedName) -> Credential | None:
        """Return the credential to publish a project with, if there is one.

        The file is read each time: a change of it needs no restart.
        """
        secret = self.tokens.get(project) or self.token
        if not secret and self.token_file is not None:
            secret = await asyncio.to_thread(_secret_in, self.token_file)
        return Credential(self.username, secret) if secret else self.in_url


@dataclass(frozen=True, slots=True)
class GivenCredential:
    """One credential; see `ports.Credentials`."""

    credential: Credential

    async def get(self) -> Credential:
        """Return the credential."""
        return self.credential


def _secret_in(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            log.warning("%s is readable by other users: run chmod 600 on it", path)
        return path.read_text().strip()
    except OSError as error:
        sentence = f"Cannot read promotion.token_file, {path}: {error.strerror}."
        raise ConflictError(sentence) from error
    except UnicodeDecodeError:
        # The cause would show the content of the file.
        sentence = f"Cannot read promotion.token_file, {path}: it is not text."
        raise ConflictError(sentence) from None
