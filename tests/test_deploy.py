"""The image, the compose file, the systemd unit and nginx.conf, compared with the code."""

import json
import re
import socket
from collections.abc import Mapping
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from stageproxy.cli import main
from stageproxy.config import Config, load_config
from stageproxy.web.serving.runner import SHUTDOWN_SECONDS
from tests.support.servers.processes import ROOT, CommandResult, own_environment, run
from tests.support.servers.service import RunningService

DEPLOY = ROOT / "deploy"
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
NGINX = (DEPLOY / "nginx.conf").read_text()
OWN_USER = "8726"


def instructions(name: str) -> list[str]:
    """Return the arguments of each instruction of that name in the Dockerfile."""
    return re.findall(rf"^{name} +(.*)$", DOCKERFILE, re.MULTILINE)


def image_environment() -> dict[str, str]:
    """Return the variables that the image sets."""
    (line,) = instructions("ENV")
    return dict(pair.split("=", 1) for pair in line.split())


def image_settings() -> Config:
    """Return the settings in the image."""
    return load_config(None, image_environment())


def compose() -> Any:
    """Return the compose file."""
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def unit() -> Mapping[str, str]:
    """Return the service section of the systemd unit."""
    # Without interpolation; a duplicate option is an error.
    parser = ConfigParser(interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names keep their case
    parser.read_string((DEPLOY / "stageproxy.service").read_text())
    return parser["Service"]


def health_command() -> list[str]:
    """Return the health command of the image."""
    (line,) = instructions("HEALTHCHECK")
    command: list[str] = json.loads(line.partition("CMD ")[2])
    return command


async def ask_health(port: int) -> CommandResult:
    """Run the health command against a port, with an unreachable proxy in the environment."""
    command = [part.replace("127.0.0.1:8726", f"127.0.0.1:{port}") for part in health_command()]
    environment = {**own_environment(), "http_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    return await run(*command, environment=environment)


def test_image_listens_on_the_exposed_port() -> None:
    """The server listens on the exposed port, on all addresses."""
    settings = image_settings().server

    assert instructions("EXPOSE") == [str(settings.port)]
    assert (settings.host, settings.port) == ("0.0.0.0", Config().server.port)
    assert f"'http://127.0.0.1:{settings.port}/health/ready'" in health_command()[-1]


def test_image_stores_its_data_in_the_volume() -> None:
    """The data directory is the volume, and belongs to the user of the server."""
    data = str(image_settings().storage.data)
    (made,) = (line for line in instructions("RUN") if "useradd" in line)

    assert instructions("VOLUME") == [data]
    assert instructions("USER") == [OWN_USER]
    assert f"useradd --system --uid {OWN_USER} --home-dir {data} stageproxy" in made
    assert f"install --directory --owner stageproxy --mode 0700 {data}" in made


def test_image_starts_the_server() -> None:
    """The image runs a valid command, and is stopped with SIGTERM."""
    words = [word for name in ("ENTRYPOINT", "CMD") for word in json.loads(instructions(name)[0])]

    done = CliRunner().invoke(main, [*words[1:], "--help"])

    assert (words[0], done.exit_code) == ("stageproxy", 0)
    assert instructions("STOPSIGNAL") == ["SIGTERM"]


def test_image_copies_what_the_build_needs() -> None:
    """Every file that the build copies exists and is not in .dockerignore."""
    copied = [one for line in instructions("COPY") if "--" not in line for one in line.split()[:-1]]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()

    assert copied == ["pyproject.toml", "README.md", "LICENSE", "stageproxy"]
    assert [one for one in copied if not (ROOT / one).exists()] == []
    assert {Path(one).name for one in copied} & set(ignored) == set()


async def test_health_command_of_a_ready_server(service: RunningService) -> None:
    """The health command succeeds even if the environment has a proxy."""
    done = await ask_health(int(service.url.rpartition(":")[2]))

    assert (done.code, done.output) == (0, "")


async def test_health_command_of_a_server_that_is_not_ready(service: RunningService) -> None:
    """The health command fails if the server is not ready."""
    (service.data / "files").rename(service.data / "elsewhere")

    done = await ask_health(int(service.url.rpartition(":")[2]))

    assert (done.code, "503" in done.stderr) == (1, True)


async def test_health_command_without_a_server() -> None:
    """The health command fails if no server answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        done = await ask_health(taken.getsockname()[1])

    assert (done.code, "Connection refused" in done.stderr) == (1, True)


def test_compose_settings() -> None:
    """The server in the compose file trusts only nginx, and has the public URL of nginx."""
    environment = image_environment() | compose()["services"]["stageproxy"]["environment"]

    server = load_config(None, environment).server

    assert f"server {server.host}:{server.port};" in NGINX
    assert server.public_url == f"https://{re.findall('server_name (.*);', NGINX)[0]}"
    assert [str(one) for one in server.trusted_proxies] == [f"{server.host}/32"]


def test_compose_mounts() -> None:
    """Mounted files exist, except the certificate, and are mounted where they are read."""
    nginx, server = (compose()["services"][name] for name in ("nginx", "stageproxy"))
    mounts = [one.split(":") for one in nginx["volumes"]]
    existing = {source for source, *_ in mounts if (DEPLOY / source).exists()}
    targets = [target for source, target, *_ in mounts if source not in existing]

    assert existing == {"./nginx.conf"}
    assert {f"{one};" for one in targets} == set(re.findall(r"ssl_certificate\w* (.*)", NGINX))
    assert server["volumes"] == [f"data:{image_settings().storage.data}"]
    assert (DEPLOY / server["build"] / "Dockerfile").exists()
    assert [*compose()["volumes"]] == ["data"]


@pytest.mark.parametrize("name", ["stageproxy", "nginx"])
def test_compose_is_locked_down(name: str) -> None:
    """No service can write to its image or gain privileges."""
    service = compose()["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_requests_have_time_to_end() -> None:
    """Compose and systemd wait longer than the server does for running requests."""
    waits = [compose()["services"]["stageproxy"]["stop_grace_period"], unit()["TimeoutStopSec"]]

    assert [one for one in waits if int(one.rstrip("s")) < SHUTDOWN_SECONDS + 10] == []


def test_unit_starts_the_server(tmp_path: Path) -> None:
    """The unit runs a valid command with the settings and the folder that systemd provides."""
    program, *words = unit()["ExecStart"].split()
    name, source = unit()["LoadCredential"].split(":")
    settings = tmp_path / name
    settings.write_text("[server]\nport = 1\n")
    given = [word.replace("${CREDENTIALS_DIRECTORY}", str(tmp_path)) for word in words]

    done = CliRunner().invoke(main, [*given, "--help"])

    assert done.exit_code == 0
    assert given[given.index("--config") + 1] == str(settings)
    assert words[words.index("--data") + 1] == "${STATE_DIRECTORY}"
    assert (Path(program).name, Path(source).name) == ("stageproxy", name)


def test_paths_of_the_unit_are_documented() -> None:
    """The page on systemd contains the paths of the unit."""
    shown = (ROOT / "docs" / "how-to" / "systemd.md").read_text()
    places = {
        str(Path(unit()["ExecStart"].split()[0]).parent),
        unit()["LoadCredential"].partition(":")[2],
        f"/var/lib/{unit()['StateDirectory']}",
    }

    assert {one for one in places if one not in shown} == set()
