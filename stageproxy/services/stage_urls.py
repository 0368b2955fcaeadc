"""Here is where a stage is: its token, derived, and the URL that it is part of."""

from dataclasses import dataclass, field

from stageproxy.core.rights import Token, derive_stage_token
from stageproxy.core.stage.stage import Stage


@dataclass(frozen=True, slots=True)
class StageUrls:
    """Spells the URLs of stages below the *public_url* of the server, which ends without slash."""

    public_url: str
    secret: bytes = field(repr=False)

    def token_of(self, stage: Stage) -> Token:
        """Return the stage's present token."""
        return derive_stage_token(self.secret, stage.id, stage.rotation)

    def url_of(self, stage: Stage) -> str:
        """Return the stage URL. Whoever has it can read the preview."""
        return f"{self.public_url}/tmp/{stage.project}/{self.token_of(stage).reveal()}/"
