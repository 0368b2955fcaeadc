"""Here is `stageproxy demo`: a whole release in a minute, on this machine."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from stageproxy.cli.output import FailedError
from stageproxy.cli.sample import NAME, REQUIRES, VERSION, build_sample

_READY = "stageproxy is ready on "
_STOP_SECONDS = 40
_KEPT_OF_PIP = frozenset({"PIP_CERT", "PIP_DEFAULT_TIMEOUT"})


@click.command()
def demo() -> None:
    """Stage a sample release on a server of its own, install it with pip, import it, clean up."""
    with tempfile.TemporaryDirectory(prefix="stageproxy-demo-") as folder:
        try:
            _run_demo(Path(folder))
        except subprocess.CalledProcessError as error:
            raise FailedError(f"This step failed:\n{error.stdout}{error.stderr}") from error
    click.echo("\nDone. Everything the demo made is gone again.")


def _run_demo(folder: Path) -> None:
    _tell(1, "Start a server, with a data directory of its own")
    with _server(folder / "data") as url:
        click.echo(f"      {url}")
        _tell(2, f"Build {NAME} {VERSION}, which needs {' and '.join(REQUIRES)}; no index has it")
        files = build_sample(folder)
        for path in files:
            click.echo(f"      {path.name}")
        _tell(3, "Upload it into a stage")
        token = (folder / "data" / "admin.token").read_text().strip()
        stage_url = _upload(files, url, token)
        _tell(4, "Install it with pip, from an index that answers as if it were released")
        python = _new_environment(folder / "venv")
        _pip_install(python, f"{stage_url}simple/")
        _tell(5, "Use it")
        _tell_output(_run([str(python), "-c", f"import {_module()}; {_module()}.main()"]))


def _module() -> str:
    return NAME.replace("-", "_")


def _tell(step: int, what: str) -> None:
    click.echo(f"\n  {step}.  {what}.")


def _tell_output(text: str) -> None:
    for line in text.strip().splitlines():
        click.echo(f"      {line}")


@contextmanager
def _server(data: Path) -> Iterator[str]:
    """Run a server as anybody would, on a free port, and end it by its process."""
    command = [sys.executable, "-m", "stageproxy", "serve", "--port", "0", "--data", str(data)]
    log = data.with_suffix(".log")
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,  # noqa: S603
    ):
        try:
            yield _wait_until_ready(process, log)
        finally:
            process.terminate()
            process.wait(_STOP_SECONDS)


def _wait_until_ready(process: "subprocess.Popen[str]", log: Path) -> str:
    for line in process.stdout or ():
        if line.startswith(_READY):
            return line.removeprefix(_READY).strip()
    raise FailedError(f"The server did not start:\n{log.read_text()}")


def _upload(files: Sequence[Path], url: str, token: str) -> str:
    environment = {**os.environ, "STAGEPROXY_SERVER": url, "STAGEPROXY_TOKEN": token}
    command = [sys.executable, "-m", "stageproxy", "upload", *map(str, files)]
    output = _run(command, environment)
    _tell_output(output)
    lines = [line.removeprefix("Stage URL: ") for line in output.splitlines()]
    return next(line for line in lines if "/tmp/" in line and "index" not in line)


def _new_environment(folder: Path) -> Path:
    _run([sys.executable, "-m", "venv", str(folder)])
    return folder / ("Scripts" if os.name == "nt" else "bin") / "python"


def _pip_install(python: Path, index_url: str) -> None:
    command = [str(python), "-m", "pip", "install", "--index-url", index_url, NAME]
    _tell_output(_run(command, _without_pip_settings()))


def _without_pip_settings() -> Mapping[str, str]:
    """Return an environment in which pip knows one index only: no other can fake a success."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PIP_") or name in _KEPT_OF_PIP
    }
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def _run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(  # noqa: S603 - our own commands
        command, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout
