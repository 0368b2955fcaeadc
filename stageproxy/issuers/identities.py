"""Identity tokens of CI jobs: whether an issuer has signed one for us, now and for one use."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from stageproxy.core.errors import IdentityError
from stageproxy.core.identity.identities import Identity
from stageproxy.issuers.keys import IssuerKeys

LEEWAY = timedelta(seconds=30)
LONGEST_LIFE = timedelta(hours=24)
"""How long an identity may be valid at most: so long is it remembered that it was used."""
_ALGORITHM = "RS256"
_LONGEST = 2**14
_REQUIRED = ("iss", "iat", "exp", "aud")
_INVALID = "invalid-token"


@dataclass(frozen=True, slots=True)
class Identities:
    """Verifies identity tokens; see `ports.IdentityVerifier`. PyJWT does the cryptography."""

    keys: IssuerKeys

    async def verify(self, token: str, issuers: Collection[str], audience: str) -> Identity:
        """Return the identity in a token that one of these *issuers* has signed."""
        issuer = self._issuer_of(token)
        if issuer not in issuers:
            raise IdentityError(
                "invalid-publisher", "No project here trusts the issuer of this identity."
            )
        key = await self.keys.find(issuer, self._key_id_of(token))
        if key is None:
            raise _invalid("its issuer has no key with the id that it names")
        claims = _decoded(token, key=key, issuer=issuer, audience=audience)
        if claims["exp"] - claims["iat"] > LONGEST_LIFE.total_seconds():
            raise _invalid("it is valid for more than a day")
        ends_at = datetime.fromtimestamp(claims["exp"], UTC)
        return Identity(issuer, _use_of(token, claims), ends_at + LEEWAY, claims)

    def _issuer_of(self, token: str) -> str:
        """Return what a token, which is not verified yet, names as its issuer."""
        if len(token) > _LONGEST:
            raise _invalid("it is too long")
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise _invalid("it is no JSON Web Token") from error
        issuer = claims.get("iss")
        return issuer if isinstance(issuer, str) else ""

    def _key_id_of(self, token: str) -> str:
        header = jwt.get_unverified_header(token)
        key_id = header.get("kid")
        if header.get("alg") != _ALGORITHM:
            raise _invalid(f"it is not signed with {_ALGORITHM}")
        if "crit" in header:
            raise _invalid("it has extensions that are critical")
        if not isinstance(key_id, str) or not key_id:
            raise _invalid("it does not name its key")
        return key_id


def _decoded(token: str, *, key: Any, issuer: str, audience: str) -> dict[str, Any]:  # noqa: ANN401 - PyJWT's key
    try:
        return jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            issuer=issuer,
            audience=audience,
            leeway=LEEWAY,
            # One audience, as one text: a token for two could be used at the other one.
            options={"require": [*_REQUIRED], "strict_aud": True},
        )
    except jwt.PyJWTError as error:
        raise _invalid(_reason_of(error)) from error


def _reason_of(error: jwt.PyJWTError) -> str:
    """Return why a token is not valid, without its texts."""
    match error:
        case jwt.ExpiredSignatureError():
            return "it has expired"
        case jwt.ImmatureSignatureError():
            return "it is not valid yet"
        case jwt.InvalidAudienceError():
            return "its audience is not this server alone"
        case jwt.MissingRequiredClaimError():
            return f"its claim {error.claim} is missing"
        case jwt.InvalidSignatureError():
            return "its signature is wrong"
        case _:
            return "its claims or its signature are wrong"


def _use_of(token: str, claims: dict[str, Any]) -> str:
    """Return by what a second use of a token is noticed: its id, or what was signed."""
    named = claims.get("jti")
    text = f"jti {named}" if isinstance(named, str) and named else token.rpartition(".")[0]
    return hashlib.sha256(text.encode()).hexdigest()


def _invalid(reason: str) -> IdentityError:
    return IdentityError(_INVALID, f"The identity is not valid: {reason}.")
