"""`stageproxy demo`: a whole release in a minute, on this machine."""

import hashlib
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from stageproxy.cli.demo.sample import NAME, REQUIRES, VERSION, build_sample
from stageproxy.cli.output.output import FailedError

_READY_LINE = "stageproxy is ready on "
_STOP_SECONDS = 40
_INHERITED_PIP_VARIABLES = frozenset({"PIP_CERT", "PIP_DEFAULT_TIMEOUT"})
_PROMOTION_PREFIX = "STAGEPROXY_PROMOTION__"


@click.command()
def demo() -> None:
    """Run a whole release on this machine.

    Stage a sample release, install it with pip, publish it on a temporary index
    and install it from there. Nothing is published on PyPI, and everything that
    the demo creates is removed.
    """
    with tempfile.TemporaryDirectory(prefix="stageproxy-demo-") as folder:
        try:
            _run_demo(Path(folder))
        except subprocess.CalledProcessError as error:
            raise FailedError(f"This step failed:\n{error.stdout}{error.stderr}") from error
    click.echo("\nDone. Everything that the demo created is removed.")


def _run_demo(folder: Path) -> None:
    _print_step(1, "Start a server with its own data directory")
    with _throwaway_index(folder / "index") as index, _server(folder / "data", index) as url:
        click.echo(f"      {url}")
        _print_step(
            2,
            f"Build {NAME} {VERSION}, which is unpublished and depends on {' and '.join(REQUIRES)}",
        )
        files = build_sample(folder)
        for path in files:
            click.echo(f"      {path.name}")
        client = _Client(url, (folder / "data" / "admin.token").read_text().strip())
        _print_step(3, "Upload it to a stage")
        stage_url = _stage_url_in(client.run("upload", *map(str, files)))
        _print_step(4, "Install it with pip through the stage, as if it were released")
        python = _new_environment(folder / "venv")
        _pip_install(python, f"{stage_url}simple/", NAME)
        _run_sample(5, python)
        _print_step(
            6, "Publish exactly the built files, in this demo on a temporary index instead of PyPI"
        )
        client.run("promote", stage_url, "--hashes", str(_write_hashes(files)), "--yes")
        _print_step(7, "Install the published release from that index")
        _pip_install(python, f"{index.url}simple/", "--force-reinstall", "--no-deps", NAME)
        _run_sample(8, python)


def _write_hashes(files: Sequence[Path]) -> Path:
    """Write the hashes of files beside them, as `sha256sum` prints them, and return the path."""
    path = files[0].with_name("SHA256SUMS")
    lines = (f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}\n" for one in files)
    path.write_text("".join(lines))
    return path


def _run_sample(step: int, python: Path) -> None:
    module = NAME.replace("-", "_")
    _print_step(step, "Run it")
    _print_output(_run([str(python), "-c", f"import {module}; {module}.main()"]))


def _print_step(step: int, what: str) -> None:
    click.echo(f"\n  {step}.  {what}.")


def _print_output(text: str) -> None:
    for line in text.strip().splitlines():
        click.echo(f"      {line}".rstrip())


@dataclass(frozen=True, slots=True)
class _Index:
    """The temporary index, and the token that may upload to it."""

    url: str
    token: str = field(repr=False)

    @property
    def settings(self) -> Mapping[str, str]:
        """The environment of a server that publishes on this index, whatever was set before."""
        inherited = {
            name: text for name, text in os.environ.items() if not _is_promotion_setting(name)
        }
        settings = {
            "REPOSITORY_URL": f"{self.url}legacy/",
            "INDEX_URL": f"{self.url}simple/",
            "TOKEN": self.token,
            "POLL": "0.2s",
        }
        return {
            **inherited,
            **{f"{_PROMOTION_PREFIX}{name}": text for name, text in settings.items()},
        }


def _is_promotion_setting(variable: str) -> bool:
    return variable.upper().startswith(_PROMOTION_PREFIX)


@dataclass(frozen=True, slots=True)
class _Client:
    """Commands that run against the server of the demo."""

    url: str
    token: str = field(repr=False)

    def run(self, *arguments: str) -> str:
        """Run a command, print its output and return it."""
        inherited = {
            name: text for name, text in os.environ.items() if not _is_promotion_setting(name)
        }
        settings = {"STAGEPROXY_SERVER": self.url, "STAGEPROXY_TOKEN": self.token}
        output = _run([sys.executable, "-m", "stageproxy", *arguments], {**inherited, **settings})
        _print_output(output)
        return output


@contextmanager
def _throwaway_index(folder: Path) -> Iterator[_Index]:
    """Run an index that ends with this process, even if this process is killed."""
    folder.mkdir()
    command = [sys.executable, "-m", "stageproxy.cli.demo.throwaway_index", str(folder)]
    token = secrets.token_urlsafe()
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise FailedError("The temporary index of the demo did not start.")
        print(token, file=process.stdin, flush=True)
        yield _Index(process.stdout.readline().strip(), token)


@contextmanager
def _server(data: Path, index: _Index) -> Iterator[str]:
    """Run a server on a free port, and terminate it at the end."""
    command = [sys.executable, "-m", "stageproxy", "serve", "--port", "0", "--data", str(data)]
    log = data.with_suffix(".log")
    with (
        log.open("w") as errors,
        subprocess.Popen(  # noqa: S603 - our own command
            command, env=index.settings, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            yield _wait_until_ready(process, log)
        finally:
            process.terminate()
            process.wait(_STOP_SECONDS)


def _wait_until_ready(process: "subprocess.Popen[str]", log: Path) -> str:
    for line in process.stdout or ():
        if line.startswith(_READY_LINE):
            return line.removeprefix(_READY_LINE).strip()
    raise FailedError(f"The server did not start:\n{log.read_text()}")


def _stage_url_in(output: str) -> str:
    lines = [line.removeprefix("Stage URL: ") for line in output.splitlines()]
    return next(line for line in lines if "/tmp/" in line and "index" not in line)


def _new_environment(folder: Path) -> Path:
    _run([sys.executable, "-m", "venv", str(folder)])
    return folder / ("Scripts" if os.name == "nt" else "bin") / "python"


def _pip_install(python: Path, index_url: str, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "install", "--index-url", index_url, *arguments]
    _print_output(_run(command, _without_pip_settings()))


def _without_pip_settings() -> Mapping[str, str]:
    """Return an environment in which pip uses no index but the one that it is given."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PIP_") or name in _INHERITED_PIP_VARIABLES
    }
    return {**inherited, "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def _run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(  # noqa: S603 - our own commands
        command, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout
