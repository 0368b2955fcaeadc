"""Stage tokens, and the stage URLs that contain them."""

from dataclasses import dataclass, field

from stageproxy.core.rights import Token, derive_stage_token
from stageproxy.core.stage.stage import Stage


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
