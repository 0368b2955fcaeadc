"""Judgements on the way to a server and to its upstream: answers, clocks, proxies."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from stageproxy.core.care.diagnosis import Diagnosis, ok, problem, warn

_MIB = 2**20
_SLOW = 2.0
_SKEW = timedelta(seconds=30)
_WRONG = timedelta(minutes=5)
_TOO_LARGE = 413
_OK = 200
_MISSING = 404
_PAGES = ("application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+html", "text/html")
_NGINX = "See docs/how-to/nginx.md."


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    """The answer of upstream to the request for a project page."""

    status: int
    seconds: float
    content_type: str
    has_validator: bool
    date: str


def judge_upstream(name: str, answer: UpstreamAnswer) -> Iterator[Diagnosis]:
    """Return what there is to say about upstream, which people call *name*."""
    if answer.status not in {_OK, _MISSING}:
        yield problem(
            "upstream",
            f"{name} answers {answer.status} to the request for a project page.",
            "Check upstream.url, its credential, and pip's settings.",
        )
        return
    said = f"{name} answers in {answer.seconds:.1f} s"
    if answer.seconds > _SLOW:
        yield warn("upstream", f"{said}.", "Every page waits for it: check the way to it.")
    else:
        yield ok("upstream", f"{said}.")
    if answer.status == _OK:
        yield from _page(name, answer)


def _page(name: str, answer: UpstreamAnswer) -> Iterator[Diagnosis]:
    kind = answer.content_type.partition(";")[0].strip().lower()
    if kind not in _PAGES:
        yield problem(
            "upstream",
            f"The project page of {name} has the type {kind or 'none'}, none of the simple API.",
            "Check upstream.url and upstream.simple_url.",
        )
        return
    yield ok("upstream", f"Its project pages are {kind}.")
    if not answer.has_validator:
        yield warn(
            "upstream",
            f"The pages of {name} have no ETag and no Last-Modified.",
            "Each page is fetched whole after upstream.fresh_for: raise it if that is too slow.",
        )


def judge_clock(whose: str, date: str, now: datetime) -> Diagnosis:
    """Return what there is to say about a clock, by the Date header of an answer *now*."""
    try:
        skew = parsedate_to_datetime(date) - now
    except (ValueError, TypeError):
        return warn("clock", f"{whose} sends no date, so clocks are not compared.", "")
    seconds = round(abs(skew).total_seconds())
    sentence = f"The clock of {whose} differs from that of this machine by {seconds} s."
    advice = "Set the clocks, for example with chrony or systemd-timesyncd."
    if abs(skew) > _WRONG:
        return problem("clock", f"{sentence} Stages and tokens expire at wrong times.", advice)
    if abs(skew) > _SKEW:
        return warn("clock", sentence, advice)
    return ok("clock", sentence)


@dataclass(frozen=True, slots=True)
class PublicAnswer:
    """What `/health/live` answers at the public URL: its status, and the instance, if any."""

    status: int
    instance: str | None


def judge_public_url(url: str, answer: PublicAnswer, instance: str) -> Diagnosis:
    """Return whether the public URL leads to the server that is this *instance*."""
    if answer.instance == instance:
        return ok("public URL", f"{url} leads to this server.")
    if answer.instance is None:
        return problem(
            "public URL",
            f"{url}/health/live answers {answer.status}, and not as stageproxy does.",
            "Set server.public_url to the URL that users see, or correct the proxy's path.",
        )
    return problem(
        "public URL",
        f"{url} leads to another stageproxy than the one on this machine.",
        "Correct server.public_url, or the address that the proxy passes requests to.",
    )


def judge_url(url: str, *, is_loopback: bool, is_wildcard: bool) -> Diagnosis | None:
    """Return what is wrong with a public *url* itself, if anything is."""
    if not url and is_wildcard:
        return problem(
            "public URL",
            "The server listens for other machines, and stage URLs begin with its local address.",
            "Set server.public_url to the URL that users see.",
        )
    if url.startswith("http:") and not is_loopback:
        return warn(
            "public URL",
            f"{url} is plain HTTP: everyone on the way can read stage URLs and tokens.",
            f"Put a proxy with TLS in front. {_NGINX}",
        )
    return None


@dataclass(frozen=True, slots=True)
class ForwardedFacts:
    """How the server sees a request that came through the public URL.

    *peer* is the address of the connection; it is trusted if it is in `server.trusted_proxies`.
    """

    peer: str
    is_trusted: bool
    is_forwarded: bool


def judge_forwarding(facts: ForwardedFacts) -> Diagnosis:
    """Return whether the server sees the addresses of clients behind its proxy."""
    if not facts.is_forwarded:
        return warn(
            "proxy",
            "The proxy sends no X-Forwarded-For, so all clients have one address in logs.",
            f"Have it add the header. {_NGINX}",
        )
    if not facts.is_trusted:
        return warn(
            "proxy",
            f"The proxy at {facts.peer} is not trusted, so all clients have its address.",
            f'Set server.trusted_proxies = ["{facts.peer}"].',
        )
    return ok("proxy", "The server sees the addresses of clients behind its proxy.")


@dataclass(frozen=True, slots=True)
class BodyFacts:
    """What happened to bodies on their way to the server.

    *streamed*: whether the first piece arrived before the last was sent. *whole*: the status of
    a body of *size* bytes that was sent. *largest*: the status before the end of a body that was
    announced with *limit* bytes, `None` if the server had begun to receive it.
    """

    streamed: bool
    whole: int
    size: int
    largest: int | None
    limit: int


def judge_bodies(facts: BodyFacts) -> Iterator[Diagnosis]:
    """Return what there is to say about how a proxy passes bodies on."""
    if facts.streamed:
        yield ok("proxy", "Uploads are passed on while they are received.")
    else:
        yield warn(
            "proxy",
            "The proxy stores whole uploads before it passes them on.",
            f"Set `proxy_request_buffering off` in nginx, or the same in yours. {_NGINX}",
        )
    too_large = facts.size if facts.whole == _TOO_LARGE else facts.limit
    if _TOO_LARGE in {facts.whole, facts.largest}:
        yield problem(
            "proxy",
            f"The proxy refuses a body of {too_large // _MIB} MiB, which the server would accept.",
            f"Set `client_max_body_size 0` in nginx, or the same in yours. {_NGINX}",
        )
    elif facts.whole != _OK:
        yield problem(
            "proxy",
            f"A body of {facts.size // _MIB} MiB is answered with {facts.whole}.",
            "Look into the logs of the proxy and of the server.",
        )
    else:
        limit = f"bodies up to {facts.limit // _MIB} MiB, the limit of the server"
        what = limit if facts.largest is None else f"a body of {facts.size // _MIB} MiB"
        yield ok("proxy", f"The proxy accepts {what}.")
