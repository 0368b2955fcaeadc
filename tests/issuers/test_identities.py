"""Identity tokens are taken if a trusted issuer has signed them, for this server alone, for now."""

import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stageproxy.core.errors import IdentityError, IssuerUnavailableError
from stageproxy.issuers.identities import Identities
from stageproxy.issuers.keys import ASKED_AGAIN_AFTER, FRESH_FOR, IssuerKeys
from tests.support.ports.clock import FakeClock
from tests.support.servers.issuer import (
    AUDIENCE,
    GITHUB,
    Issuer,
    key_number,
    public,
    running_issuer,
)


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """Return a running issuer."""
    async with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def clock() -> FakeClock:
    """Return the clock by which keys grow old."""
    return FakeClock()


@pytest.fixture
async def identities(issuer: Issuer, clock: FakeClock) -> AsyncIterator[Identities]:
    """Return what verifies identities."""
    async with issuer.session() as session:
        yield Identities(IssuerKeys(session, clock))


def minutes(number: float) -> datetime:
    """Return a time so many minutes from now."""
    return datetime.now(UTC) + timedelta(minutes=number)


async def test_honest_identity(issuer: Issuer, identities: Identities) -> None:
    """An identity has the claims that were signed, and is good for one use."""
    tokens = [issuer.token(), issuer.token(run_id="2")]

    first, second = [await identities.verify(one, {issuer.url}, AUDIENCE) for one in tokens]

    assert first.claims.items() >= GITHUB.items()
    assert first.issuer == issuer.url
    assert first.use != second.use
    assert first.until > datetime.now(UTC)


def encoded(part: Any) -> str:
    """Return a part of a token."""
    return base64.urlsafe_b64encode(json.dumps(part, default=str).encode()).rstrip(b"=").decode()


def by_hand(issuer: Issuer, header: dict[str, Any], **changes: Any) -> str:
    """Return a token with any header and any claims, signed with the key of the issuer."""
    times = {"iat": int(minutes(0).timestamp()), "exp": int(minutes(5).timestamp()), "nbf": 0}
    claims = {**issuer.claims(), **times, **changes}
    signed = f"{encoded(header)}.{encoded(claims)}"
    signature = key_number(1).sign(signed.encode(), PKCS1v15(), SHA256())
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def unsigned(issuer: Issuer, algorithm: str = "none") -> str:
    """Return a token without a signature."""
    token = by_hand(issuer, {"alg": algorithm, "kid": "1", "typ": "JWT"})
    return f"{token.rpartition('.')[0]}."


def signed_with_the_public_key(issuer: Issuer) -> str:
    """Return a token whose HMAC is made with what everybody knows: the public key."""
    signed = by_hand(issuer, {"alg": "HS256", "kid": "1"}).rpartition(".")[0]
    known = key_number(1).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    made = hmac.digest(known, signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


def by_another_key(issuer: Issuer) -> str:
    """Return a token that claims to be signed with the key of the issuer."""
    return jwt.encode(issuer.claims(), key_number(9), algorithm="RS256", headers={"kid": "1"})


def with_an_algorithm(algorithm: str) -> Callable[[Issuer], str]:
    """Return what signs with another algorithm of the same key."""
    return lambda issuer: jwt.encode(
        issuer.claims(), key_number(1), algorithm=algorithm, headers={"kid": "1"}
    )


def with_own_key(header: str) -> Callable[[Issuer], str]:
    """Return what names a key of its own in the header."""
    value: Any = "https://attacker.example/keys"
    if header == "jwk":
        value = public("1", key_number(9))
    return lambda issuer: jwt.encode(
        issuer.claims(), key_number(9), algorithm="RS256", headers={"kid": "1", header: value}
    )


def changed(issuer: Issuer) -> str:
    """Return a token whose claims were changed after it was signed."""
    head, _, signature = issuer.token().split(".")
    _, claims, _ = by_hand(issuer, {}, repository_id="666").split(".")
    return f"{head}.{claims}.{signature}"


FORGERIES: dict[str, tuple[Callable[[Issuer], str], str]] = {
    "no signature": (unsigned, "RS256"),
    "no signature, as RS256": (lambda one: unsigned(one, "RS256"), "signature"),
    "algorithm nOnE": (lambda one: unsigned(one, "nOnE"), "RS256"),
    "HMAC with the public key": (signed_with_the_public_key, "RS256"),
    "RS384": (with_an_algorithm("RS384"), "RS256"),
    "RS512": (with_an_algorithm("RS512"), "RS256"),
    "PS256": (with_an_algorithm("PS256"), "RS256"),
    "another key under the same id": (by_another_key, "signature"),
    "own key in jwk": (with_own_key("jwk"), "signature"),
    "own key in jku": (with_own_key("jku"), "signature"),
    "own key in x5u": (with_own_key("x5u"), "signature"),
    "critical extension": (
        lambda one: by_hand(one, {"alg": "RS256", "kid": "1", "crit": ["exp"], "exp": 1}),
        "critical|no JSON Web Token",
    ),
    "unknown key": (lambda one: one.token(header={"kid": "2"}), "no key with the id"),
    "key id that is a number": (
        lambda one: by_hand(one, {"alg": "RS256", "kid": 1}),
        "name its key|no JSON Web Token",
    ),
    "no key id": (lambda one: by_hand(one, {"alg": "RS256"}), "name its key"),
    "empty key id": (lambda one: one.token(header={"kid": ""}), "name its key"),
    "key id that is a path": (lambda one: one.token(header={"kid": "../1"}), "no key with the id"),
    "claims changed": (changed, "signature"),
    "signature cut": (lambda one: one.token()[:-8], "signature|no JSON Web Token"),
    "signature cut within a byte": (lambda one: one.token()[:-1], "signature|no JSON Web Token"),
    "another token's signature": (
        lambda one: one.token().rpartition(".")[0] + "." + one.token(run_id="9").rpartition(".")[2],
        "signature",
    ),
    "two audiences": (lambda one: one.token(aud=[AUDIENCE, "pypi"]), "audience"),
    "one audience in a list": (lambda one: one.token(aud=[AUDIENCE]), "audience"),
    "PyPI's audience": (lambda one: one.token(aud="pypi"), "audience"),
    "audience of another server": (lambda one: one.token(aud="https://other.example"), "audience"),
    "audience with more behind it": (lambda one: one.token(aud=f"{AUDIENCE}/"), "audience"),
    "audience of other case": (lambda one: one.token(aud=AUDIENCE.upper()), "audience"),
    "no audience": (lambda one: one.token(aud=None), "audience|aud is missing"),
    "expired": (lambda one: one.token(exp=minutes(-1)), "expired"),
    "expired long ago": (lambda one: one.token(iat=minutes(-99), exp=minutes(-90)), "expired"),
    "no expiry": (lambda one: one.token(exp=None), "exp is missing"),
    "not valid yet": (lambda one: one.token(nbf=minutes(2)), "not valid yet"),
    "issued in the future": (lambda one: one.token(iat=minutes(2), nbf=None), "not valid yet"),
    "no time of issue": (lambda one: one.token(iat=None), "iat is missing"),
    "valid for a year": (lambda one: one.token(exp=minutes(525_600)), "more than a day"),
    "valid for ever": (lambda one: one.token(exp=10**18), "more than a day"),
    "expiry that is a text": (lambda one: one.token(exp="never"), "wrong"),
    "no token": (lambda _: "text", "no JSON Web Token"),
    "empty": (lambda _: "", "no JSON Web Token"),
    "no JSON": (lambda _: "YQ.YQ.YQ", "no JSON Web Token"),
    "list of claims": (
        lambda _: f"{encoded({'alg': 'RS256', 'kid': '1'})}.W10.YQ",
        "no JSON Web Token",
    ),
    "too long": (lambda one: one.token(filler="x" * 20_000), "too long"),
}


@pytest.mark.parametrize(("forge", "reason"), FORGERIES.values(), ids=FORGERIES)
async def test_forgeries(
    issuer: Issuer, identities: Identities, forge: Callable[[Issuer], str], reason: str
) -> None:
    """Whatever is not signed as it should be, for this server alone and for now, is refused."""
    token = forge(issuer)

    with pytest.raises(IdentityError, match=reason) as refused:
        await identities.verify(token, {issuer.url}, AUDIENCE)

    assert refused.value.code == "invalid-token"
    assert not token or token not in refused.value.sentence
    assert issuer.asked <= 1


@pytest.mark.parametrize("issuer_of_it", ["https://attacker.example", "", None, 7])
async def test_foreign_issuer(issuer: Issuer, identities: Identities, issuer_of_it: object) -> None:
    """An issuer that nobody trusts is not even asked for its keys."""
    token = by_hand(issuer, {"alg": "RS256", "kid": "1"}, iss=issuer_of_it)

    with pytest.raises(IdentityError) as refused:
        await identities.verify(token, {issuer.url}, AUDIENCE)

    assert refused.value.code in {"invalid-publisher", "invalid-token"}
    assert issuer.asked == 0


async def test_leeway(issuer: Issuer, identities: Identities) -> None:
    """Clocks may differ by half a minute."""
    for token in (issuer.token(exp=minutes(-0.3)), issuer.token(nbf=minutes(0.3))):
        await identities.verify(token, {issuer.url}, AUDIENCE)


async def test_one_use(issuer: Issuer, identities: Identities) -> None:
    """A second use is noticed by the id of a token, or by what was signed if it has none."""
    token = issuer.token(jti=None)
    other_signature = token.rpartition(".")[0] + "."

    first = await identities.verify(token, {issuer.url}, AUDIENCE)
    again = await identities.verify(token, {issuer.url}, AUDIENCE)
    other = await identities.verify(issuer.token(jti="another"), {issuer.url}, AUDIENCE)

    assert other_signature not in first.use
    assert first.use == again.use != other.use


async def test_rotated_keys(issuer: Issuer, identities: Identities, clock: FakeClock) -> None:
    """A new key is found when a token names it; a removed one is gone after an hour."""
    await identities.verify(issuer.token(), {issuer.url}, AUDIENCE)
    old = issuer.token(run_id="old")
    issuer.keys = {"2": key_number(2)}
    clock.time += ASKED_AGAIN_AFTER

    await identities.verify(issuer.token(key="2"), {issuer.url}, AUDIENCE)

    with pytest.raises(IdentityError, match="no key with the id"):
        await identities.verify(old, {issuer.url}, AUDIENCE)


async def test_unknown_keys_do_not_ask_often(
    issuer: Issuer, identities: Identities, clock: FakeClock
) -> None:
    """Whoever invents key ids has the issuer asked once a minute."""
    for number in range(20):
        with pytest.raises(IdentityError):
            await identities.verify(
                issuer.token(header={"kid": f"invented {number}"}), {issuer.url}, AUDIENCE
            )
    assert issuer.asked == 1

    clock.time += ASKED_AGAIN_AFTER
    with pytest.raises(IdentityError):
        await identities.verify(issuer.token(header={"kid": "invented"}), {issuer.url}, AUDIENCE)
    assert issuer.asked == 2


async def test_revoked_key(issuer: Issuer, identities: Identities, clock: FakeClock) -> None:
    """A key that the issuer has removed is used for an hour at most."""
    await identities.verify(issuer.token(), {issuer.url}, AUDIENCE)
    stolen = issuer.token(run_id="stolen")
    issuer.keys = {"2": key_number(2)}

    clock.time += FRESH_FOR

    with pytest.raises(IdentityError, match="no key with the id"):
        await identities.verify(stolen, {issuer.url}, AUDIENCE)


async def test_issuer_that_is_down(
    issuer: Issuer, identities: Identities, clock: FakeClock
) -> None:
    """Without the keys of its issuer no identity is taken; known keys are used for an hour."""
    issuer.status = 503
    with pytest.raises(IssuerUnavailableError, match="answered with 503"):
        await identities.verify(issuer.token(), {issuer.url}, AUDIENCE)

    issuer.status = 200
    await identities.verify(issuer.token(run_id="2"), {issuer.url}, AUDIENCE)
    issuer.status = 503
    await identities.verify(issuer.token(run_id="3"), {issuer.url}, AUDIENCE)
    clock.time += FRESH_FOR
    with pytest.raises(IssuerUnavailableError):
        await identities.verify(issuer.token(run_id="4"), {issuer.url}, AUDIENCE)


@pytest.mark.parametrize(
    "configuration",
    [
        pytest.param({"issuer": "https://other.example"}, id="another issuer"),
        pytest.param({"jwks_uri": "http://localhost/keys"}, id="keys without TLS"),
        pytest.param({"jwks_uri": None}, id="no keys"),
        pytest.param({"jwks_uri": "https://localhost:1/keys"}, id="keys out of reach"),
    ],
)
async def test_configuration_of_no_issuer(
    issuer: Issuer, identities: Identities, configuration: dict[str, object]
) -> None:
    """Keys are taken only from where the issuer itself says, over TLS."""
    issuer.configuration = configuration

    with pytest.raises(IssuerUnavailableError):
        await identities.verify(issuer.token(), {issuer.url}, AUDIENCE)


UNUSABLE = {
    "for encryption": public("1", key_number(1), use="enc"),
    "another algorithm": public("1", key_number(1), alg="PS256"),
    "a symmetric key": {"kty": "oct", "kid": "1", "k": "c2VjcmV0"},
    "too short": public("1", key_number(1, 1024)),
    "no id": public("1", key_number(1), kid=None),
    "no numbers": {"kty": "RSA", "kid": "1", "n": "AQAB", "e": "?"},
    "no object": "1",
}


@pytest.mark.parametrize("listed", UNUSABLE.values(), ids=UNUSABLE)
async def test_unusable_keys(issuer: Issuer, identities: Identities, listed: Any) -> None:
    """Keys that are not for these signatures verify nothing, and harm no other one."""
    token = issuer.token()
    issuer.keys, issuer.listed = {"2": key_number(2)}, [listed]

    with pytest.raises(IdentityError, match="no key with the id"):
        await identities.verify(token, {issuer.url}, AUDIENCE)

    await identities.verify(issuer.token(key="2"), {issuer.url}, AUDIENCE)
