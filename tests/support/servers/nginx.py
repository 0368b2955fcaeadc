"""nginx with the documented configuration."""

import asyncio
import shutil
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import trustme

from tests.support.servers.listening import listens
from tests.support.servers.processes import ROOT, Server
from tests.support.servers.service import basic

CONFIGURATION = ROOT / "deploy" / "nginx.conf"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
"""The temporary folders of nginx, used or not."""

_START_SECONDS = 60
_LOG_SECONDS = 60
_AROUND = """\
daemon off;
pid {folder}/pid;
error_log {folder}/logs/start.log;
events {{}}
http {{
{temporary}
include {folder}/stageproxy.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Certificates:
    """A certificate for `localhost`, its key, and its authority, as files."""

    certificate: Path
    key: Path
    authority: Path

    @classmethod
    def create_in(cls, folder: Path) -> "Certificates":
        """Create an authority and a certificate."""
        made = cls(folder / "certificate.pem", folder / "key.pem", folder / "authority.pem")
        authority = trustme.CA()
        issued = authority.issue_cert("localhost")
        issued.private_key_pem.write_to_path(made.key)
        for number, blob in enumerate(issued.cert_chain_pems):
            blob.write_to_path(made.certificate, append=number > 0)
        authority.cert_pem.write_to_path(made.authority)
        return made

    def tls_context(self) -> ssl.SSLContext:
        """Return the TLS context of a client that trusts it."""
        return ssl.create_default_context(cafile=self.authority)


@dataclass(frozen=True, slots=True)
class ProxiedServer:
    """A server behind nginx: its public URL, and the logs of nginx."""

    url: str
    server: Server
    logs: Path
    tls: ssl.SSLContext

    async def lines(self, count: int) -> list[str]:
        """Return the requests that nginx has logged, once there are so many.

        nginx logs a request after its answer: a client may be ahead of the log.
        """
        log = self.logs / "access.log"
        async with asyncio.timeout(_LOG_SECONDS):
            while True:
                lines = log.read_text().splitlines()
                if len(lines) >= count:
                    return lines
                await asyncio.sleep(0.02)

    def session(self, address: str = "127.0.0.1") -> aiohttp.ClientSession:
        """Return a session that trusts the certificate, from a local address."""
        connector = aiohttp.TCPConnector(
            ssl=self.tls, local_addr=(address, 0), family=socket.AF_INET
        )
        headers = {"Authorization": basic(self.server.admin_token)}
        return aiohttp.ClientSession(connector=connector, headers=headers)


ProxiedServerStart = Callable[..., AbstractAsyncContextManager[ProxiedServer]]
"""Starts a server behind nginx; see the fixture `start_proxied_server`."""


def free_port() -> int:
    """Return an unused port, which the server has to know before nginx listens on it."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def configuration_for(
    folder: Path, port: int, certificates: Certificates, changes: Mapping[str, str], source: Path
) -> str:
    """Return a configuration with the changes of an installation, and nothing else."""
    own = {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "server_name stage.example;": "server_name localhost;",
        "/etc/ssl/certs/stage.example.pem": str(certificates.certificate),
        "/etc/ssl/private/stage.example.key": str(certificates.key),
        "/var/log/nginx/access.log": f"{folder}/logs/access.log",
        "/var/log/nginx/error.log": f"{folder}/logs/error.log",
        **changes,
    }
    text = source.read_text()
    for there, here in own.items():
        assert text.count(there) == 1, there
        text = text.replace(there, here)
    return text


@asynccontextmanager
async def running_nginx(
    folder: Path,
    port: int,
    behind: str,
    certificates: Certificates,
    changes: Mapping[str, str] = {},
    configuration: Path = CONFIGURATION,
) -> AsyncIterator[Path]:
    """Run nginx on a port in front of a server, in its own folder; return that of its logs.

    With another *configuration*, the *changes* have to name what is behind nginx.
    """
    logs = folder / "logs"
    logs.mkdir(parents=True)
    paths = (f"{one}_temp_path {folder}/{one};" for one in TEMPORARY)
    around = _AROUND.format(folder=folder, temporary="\n".join(paths))
    (folder / "nginx.conf").write_text(around)
    server = {"server 127.0.0.1:8726;": f"server {behind.removeprefix('http://')};"}
    own = configuration_for(
        folder,
        port,
        certificates,
        {**(server if behind else {}), **changes},
        configuration,
    )
    (folder / "stageproxy.conf").write_text(own)
    command = nginx(), "-p", str(folder), "-c", str(folder / "nginx.conf")
    with (logs / "stderr").open("w") as stderr:
        process = await asyncio.create_subprocess_exec(*command, stderr=stderr)
    try:
        await _wait_until_it_listens(process, port, logs)
        yield logs
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


def nginx() -> str:
    """Return the command, which Debian installs in a folder that only root's PATH has."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    assert found, "nginx is not installed: .ci/run installs it with apt-get."
    return found


async def _wait_until_it_listens(
    process: asyncio.subprocess.Process, port: int, logs: Path
) -> None:
    if not await listens(process, port, within=_START_SECONDS):
        raise AssertionError(f"nginx did not start:\n{(logs / 'stderr').read_text()}")
