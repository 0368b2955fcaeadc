"""Stage tokens, the stage URLs that contain them, and signatures of links below these."""

import hashlib
import hmac
from dataclasses import dataclass, field
from urllib.parse import unquote

from stageproxy.core.index.links import BESIDE
from stageproxy.core.rights import Token, derive_stage_token
from stageproxy.core.stage.stage import Stage

_SIGNATURE_LENGTH = 32


@dataclass(frozen=True, slots=True)
class StageUrls:
    """Makes stage URLs below the server's *public_url*, which has no slash at its end."""

    public_url: str
    secret: bytes = field(repr=False)

    def token_of(self, stage: Stage) -> Token:
        """Return the current token of a stage."""
        return derive_stage_token(self.secret, stage.id, stage.rotation)

    def url_of(self, stage: Stage) -> str:
        """Return the stage URL. It gives access to the preview."""
        return f"{self.public_url}/tmp/{stage.project}/{self.token_of(stage).reveal()}/"

    def signature_of(self, stage: Stage, path: str) -> str:
        """Return the signature of a path of upstream that pages of this stage link to.

        Installers escape more characters than pages do, such as `+`.
        """
        message = f"link:{stage.id}:{unquote(path)}".encode()
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()[:_SIGNATURE_LENGTH]

    def is_signed(self, stage: Stage, path: str, signature: str) -> bool:
        """Return whether a *signature* is that of the path, or of the file that it is beside."""
        signed = [path, *(path.removesuffix(end) for end in BESIDE if path.endswith(end))]
        given = signature.encode()
        return any(
            hmac.compare_digest(self.signature_of(stage, one).encode(), given) for one in signed
        )
