"""The headers that are passed on, in both directions, and the server's own."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest
from multidict import CIMultiDict

from stageproxy.web.answers.headers import FORWARDED
from tests.support.clients.wire import a_request, exchange
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.servers.service import PIP, RunningService, basic

CANARY = "canary-5f3a"


@pytest.fixture
def index(index: FakeIndex) -> FakeIndex:
    """Return an index without ETags, so that no answer is taken for an earlier one."""
    index.quirks = Quirks(no_etag=True)
    return index


def words(text: str) -> list[str]:
    """Return the words of a text."""
    return text.split()


# Sent by clients, proxies, browsers and attackers; never passed on to upstream.
CANARIES = words("""
Accept-Charset Accept-Datetime Accept-Language Access-Control-Request-Headers
Access-Control-Request-Method Alt-Used Authorization-Extra Cache-Control CF-Connecting-IP
CF-IPCountry CF-Ray Client-IP Cookie Cookie2 Date DNT Device-Memory Downlink ECT Early-Data
Fastly-Client-IP Forwarded From HTTP2-Settings If-Match If-Unmodified-Since Keep-Alive
Link Max-Forwards NEL Origin Pragma Proxy-Authorization Proxy-Connection Purpose RTT Referer
Save-Data Sec-CH-UA Sec-CH-UA-Mobile Sec-CH-UA-Platform Sec-Fetch-Dest Sec-Fetch-Mode
Sec-Fetch-Site Sec-Fetch-User Sec-GPC Sec-Purpose Set-Cookie TE Traceparent Tracestate
True-Client-IP Trailer Upgrade-Insecure-Requests Via Viewport-Width Want-Digest Warning
X-Api-Key X-Auth-Token X-CSRF-Token X-Client-IP X-Cluster-Client-IP X-Correlation-ID
X-Forwarded X-Forwarded-For X-Forwarded-Host X-Forwarded-Port X-Forwarded-Prefix
X-Forwarded-Proto X-Forwarded-Server X-Forwarded-User X-HTTP-Method-Override X-Original-URL
X-ProxyUser-Ip X-Real-IP X-Remote-User X-Request-ID X-Requested-With X-Rewrite-URL
X-Scheme X-Token X-User
""")
FROM_THE_SESSION = {"Host", "X-Request-ID"}
# Sent by upstream and its proxies; never passed on to clients.
THEIRS = words("""
Alt-Svc Clear-Site-Data Content-DPR Content-Location Content-Security-Policy-Report-Only
Cross-Origin-Embedder-Policy Cross-Origin-Opener-Policy Cross-Origin-Resource-Policy
Expect-CT Feature-Policy Fastly-Debug-Digest Keep-Alive Link NEL Onion-Location P3P
Permissions-Policy Pragma Proxy-Authenticate Proxy-Connection Public-Key-Pins Refresh Report-To
Reporting-Endpoints Server-Timing Service-Worker-Allowed Set-Cookie Set-Cookie2 SourceMap
Strict-Transport-Security Surrogate-Control Surrogate-Key Timing-Allow-Origin Trailer Upgrade
Via WWW-Authenticate Warning X-Cache X-Cache-Hits X-DNS-Prefetch-Control X-Frame-Options
X-Permitted-Cross-Domain-Policies X-Powered-By X-Runtime X-Served-By X-Timer
X-UA-Compatible X-XSS-Protection
""")
OWN = {
    "Server": "stageproxy",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}
EVERYWHERE = [
    "",
    "simple/demo/",
    "simple/other/",
    "simple/demo",
    "demo/",
    "+only/simple/demo/",
    "account/login/",
    "simple/missing/",
    "simple/%2e%2e/",
    "a//b",
    "legacy/",
    "packages/aa/bb/cc/x.whl",
]
PASSING = ["simple/demo/", "simple/other/", "pypi/other/json", "simple/", "project/other/"]


def test_there_are_enough_canaries() -> None:
    """At least sixty headers of clients and forty of upstream are tried."""
    assert len(set(CANARIES)) >= 60
    assert len(set(THEIRS)) >= 40


@pytest.mark.parametrize("path", PASSING)
async def test_nothing_else_reaches_upstream(
    service: RunningService, prefix: str, path: str
) -> None:
    """Upstream gets a short list of headers, and nothing else from a client."""
    headers = dict.fromkeys(CANARIES, CANARY) | {
        "Accept": PIP,
        "Authorization": basic(service.admin),
    }

    await service.send("GET", prefix + path, headers)

    assert service.index.requests
    for request in service.index.requests:
        assert set(request.headers) <= {*FORWARDED, *FROM_THE_SESSION}
        assert CANARY not in str(request.headers)
        assert service.admin not in str(request.headers)


async def test_what_reaches_upstream(service: RunningService, prefix: str) -> None:
    """Headers that ask for a form or a part of a document are sent to upstream unchanged."""
    headers = {name: f"value of {name}" for name in FORWARDED} | {"Range": "bytes=0-3"}

    await service.send("GET", f"{prefix}simple/other/", headers)

    (request,) = service.index.requests
    assert {name: request.headers[name] for name in FORWARDED} == headers


async def test_several_lines_of_one_header(service: RunningService, prefix: str) -> None:
    """Several lines of one header reach upstream as one list."""
    target = f"{urlsplit(prefix).path}simple/other/"

    await exchange(service.url, a_request(target, "GET", "1.1", "Accept: a/b", "Accept: c/d"))

    (request,) = service.index.requests
    assert request.headers.getall("Accept") == ["a/b, c/d"]


async def test_several_lines_of_one_header_of_upstream(
    service: RunningService, prefix: str
) -> None:
    """Several lines of one header of upstream reach the client as one list."""
    lines = CIMultiDict([("Vary", "Origin"), ("Vary", "Accept-Language")])
    service.index.quirks = Quirks(extra_headers=lines)

    edited = await service.get(f"{prefix}simple/demo/", PIP)
    other = await service.get(f"{prefix}simple/other/", PIP)

    assert edited.headers["Vary"] == "Origin, Accept-Language, Accept, Accept-Encoding"
    assert other.headers["Vary"] == "Origin, Accept-Language"


async def test_client_without_headers(service: RunningService, prefix: str) -> None:
    """A header that the client does not send is not made up."""
    await service.get(f"{prefix}simple/other/")

    (request,) = service.index.requests
    assert set(request.headers) == FROM_THE_SESSION


@pytest.mark.parametrize("path", ["simple/demo/", "simple/other/"])
async def test_nothing_else_comes_back(service: RunningService, prefix: str, path: str) -> None:
    """Clients get a short list of upstream's headers, and no others."""
    canaries = {name: CANARY for name in THEIRS if name not in {"Trailer", "Upgrade"}}
    service.index.quirks = Quirks(extra_headers={**canaries, "Server": CANARY})

    answer = await service.get(prefix + path, PIP)

    assert answer.status == 200
    assert CANARY not in str(answer.headers)


@pytest.mark.parametrize("path", ["simple/demo/", "simple/other/"])
async def test_what_belongs_to_one_connection(
    service: RunningService, prefix: str, path: str
) -> None:
    """Headers that upstream names in `Connection` are not passed on."""
    named = "close, X-PyPI-Last-Serial, access-control-max-age"
    service.index.quirks = Quirks(extra_headers={"Connection": named})

    answer = await service.get(prefix + path, PIP)

    assert answer.status == 200
    assert not {"X-PyPI-Last-Serial", "Access-Control-Max-Age"} & set(answer.headers)


async def test_cookies_are_not_stored(service: RunningService, prefix: str) -> None:
    """A cookie that upstream sets is not sent with other requests."""
    service.index.quirks = Quirks(extra_headers={"Set-Cookie": "session=1; Path=/"})

    for _ in range(2):
        await service.get(f"{prefix}simple/demo/", PIP)
        await service.get(f"{prefix}simple/other/", PIP)

    assert all("Cookie" not in request.headers for request in service.index.requests)


@pytest.mark.parametrize("path", EVERYWHERE)
async def test_own_headers(service: RunningService, prefix: str, path: str) -> None:
    """Every answer under a stage has the server's own headers, errors included."""
    answer = await service.get(prefix + path, PIP)

    assert OWN.items() <= dict(answer.headers).items()
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("headers", [{}, {"Accept": "application/json"}, {"Accept": "text/html"}])
async def test_own_headers_of_a_wrong_stage(
    service: RunningService, headers: Mapping[str, str]
) -> None:
    """An answer to an unknown stage URL has them too."""
    answer = await service.send("GET", "/tmp/demo/nothing/", headers)

    assert OWN.items() <= dict(answer.headers).items()


@pytest.mark.parametrize("path", ["/health/live", "/api/stages", "/missing", "/robots.txt"])
async def test_own_headers_elsewhere(service: RunningService, path: str) -> None:
    """Answers outside of stages forbid type sniffing and referrers too."""
    answer = await service.get(path)

    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


async def test_robots(service: RunningService) -> None:
    """Search engines are asked not to index anything."""
    answer = await service.get("/robots.txt")

    assert answer.text == "User-agent: *\nDisallow: /\n"


LIES = {
    "Host": {"Host": "evil.example"},
    "X-Forwarded": {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
    "Forwarded": {"Forwarded": "host=evil.example;proto=https"},
}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *((path, "Host") for path in ("", "simple/demo/", "simple/demo", "demo/")),
        *(("", name) for name in ("X-Forwarded", "Forwarded")),
    ],
)
async def test_links_use_the_public_url(
    service: RunningService, prefix: str, path: str, name: str
) -> None:
    """No header of a client changes the host in a link."""
    answer = await service.send("GET", prefix + path, {**LIES[name], "Accept": PIP})

    assert "evil" not in answer.text + str(answer.headers)
