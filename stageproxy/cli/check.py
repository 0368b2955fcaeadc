"""`stageproxy check`: PyPI's rules, applied to local files release by release."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import click
from packaging.utils import canonicalize_version
from yarl import URL

from stageproxy.cli.distributions import LocalFile, choose_distributions, read_distribution
from stageproxy.cli.output.output import FailedError, OutOfReachError, json_option
from stageproxy.cli.output.verdicts import Verdict, print_rules, print_verdicts
from stageproxy.core.rules.findings import PYPI, RELEASE, naming, not_known
from stageproxy.core.rules.libraries import is_rendered
from stageproxy.core.rules.table import in_pypi_order
from stageproxy.core.rules.upload import Upload
from stageproxy.core.stage.dependencies import wanted_of, wishes_of
from stageproxy.core.stage.order import place_in_promotion
from stageproxy.core.stage.release_findings import (
    ExaminedFile,
    IndexAnswer,
    as_named,
    examined_file,
    examined_with,
    findings_of_release,
)
from stageproxy.server.clock import SystemClock
from stageproxy.services.dependencies import Dependencies
from stageproxy.services.similar_names import NameSearches
from stageproxy.services.upstream_state import UpstreamReader
from stageproxy.store.inspection import Inspection
from stageproxy.store.inspection_process import InspectionLimits
from stageproxy.upstream.cache import CachedIndex
from stageproxy.upstream.copies import Copies, CopyLimits
from stageproxy.upstream.health import UpstreamHealth
from stageproxy.upstream.index import IndexLimits, IndexPolicy, UpstreamIndex
from stageproxy.upstream.network import DEFAULTS, NetworkSettingsError
from stageproxy.upstream.pip_index import (
    NoPipIndexError,
    PipSettings,
    index_name,
    settings_of_pip,
    urls_of,
    urls_of_simple,
)
from stageproxy.upstream.session import Timeouts, open_session
from stageproxy.upstream.traffic import Traffic

_PIP = "pip"
_TIMEOUTS = Timeouts(connect=timedelta(seconds=5), read=timedelta(seconds=15))
_TOTAL_TIMEOUT = 60
_MAX_PAGE_SIZE = 64 * 2**20
_LOOK_UP_SECONDS = 30.0
_LIMITS = InspectionLimits(rule_seconds=10)


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--against",
    metavar="INDEX",
    help="Also check against an index: its URL, or `pip` for the index that pip uses.",
)
@click.option("--rules", is_flag=True, help="Print the rules and their date.")
@json_option
def check(files: tuple[Path, ...], against: str | None, *, rules: bool, as_json: bool) -> None:
    """Check FILES against PyPI's rules.

    FILES can be dist/*: everything but wheels and sdists is skipped.
    Nothing is uploaded. The exit code is 1 if PyPI would refuse a file.
    """
    if rules:
        print_rules(as_json=as_json)
        return
    if not files:
        raise click.UsageError("Name the files to check, or list the rules with --rules.")
    try:
        verdicts = asyncio.run(_check_files(files, against))
    except NetworkSettingsError as error:
        raise FailedError(str(error)) from error
    print_verdicts(verdicts, is_index_checked=against is not None, as_json=as_json)
    if any(one.refused for one in verdicts):
        raise SystemExit(1)


async def _check_files(files: Sequence[Path], against: str | None) -> list[Verdict]:
    """Return a verdict for each release in *files*. *against* names an index to check, too."""
    # Services log for servers. Here a failure becomes a finding or an error.
    logging.getLogger("stageproxy").addHandler(logging.NullHandler())
    chosen = choose_distributions(files)
    local = await asyncio.gather(
        *(asyncio.to_thread(read_distribution, *each) for each in chosen.items())
    )
    ordered = sorted(
        local,
        key=lambda file: (
            _release_of(file),
            place_in_promotion(file.path.name, is_sdist=file.is_sdist),
        ),
    )
    releases = [list(group) for _, group in groupby(ordered, key=_release_of)]
    now = datetime.now(UTC)
    if against is None:
        return [
            _judge(group, await _examined(group), IndexAnswer(), now, PYPI) for group in releases
        ]
    settings = _index_of(against)
    async with _open_index(settings) as published:
        verdicts = []
        for group in releases:
            examined = await _examined(group)
            answer = await _fetch_answer(published, examined)
            name = index_name(settings.index.simple)
            verdicts.append(_judge(group, examined, answer, now, name))
        return verdicts


def _release_of(file: LocalFile) -> tuple[str, str]:
    """Return the release of a file. A file whose name cannot be parsed is a release of its own."""
    if file.name is None:
        return file.path.name, ""
    return file.name.project, canonicalize_version(file.name.version)


def _index_of(against: str) -> PipSettings:
    """Return an index. A URL without a path is its root, as in `upstream.url`."""
    if against == _PIP:
        try:
            return settings_of_pip()
        except NoPipIndexError as error:
            raise FailedError(
                "pip does not report which index it uses. Give its URL: --against URL."
            ) from error
    if not _is_web_url(against):
        raise click.UsageError(
            f"{against} is not the URL of an index. Give one that begins with https://, or `pip`."
        )
    is_root = URL(against).path == "/"
    urls = urls_of(against) if is_root else urls_of_simple(against)
    return PipSettings(urls, DEFAULTS)


def _is_web_url(text: str) -> bool:
    try:
        url = URL(text)
    except ValueError:
        return False
    return url.scheme in {"http", "https"} and bool(url.host)


@asynccontextmanager
async def _open_index(settings: PipSettings) -> AsyncIterator[UpstreamReader]:
    async with open_session(_TIMEOUTS, settings.network) as session:
        upstream = UpstreamIndex(
            session,
            settings.index,
            IndexPolicy(network=settings.network),
            IndexLimits(timedelta(seconds=_TOTAL_TIMEOUT), _MAX_PAGE_SIZE),
            Traffic(),
        )
        index = CachedIndex(
            upstream,
            Copies(CopyLimits(max_size=_MAX_PAGE_SIZE)),
            UpstreamHealth(SystemClock()),
        )
        yield UpstreamReader(index, NameSearches(index), _TOTAL_TIMEOUT)


async def _fetch_answer(published: UpstreamReader, files: Sequence[ExaminedFile]) -> IndexAnswer:
    """Return what an index answers about a release."""
    name = files[0].upload.name
    if name is None:
        return IndexAnswer()
    state = await published.state(name.project)
    if state.listing is None:
        raise OutOfReachError(
            f"No answer from the index at {published.index.site}: it cannot be reached, or this "
            "is not the URL of an index. Check the URL, or try again later."
        )
    dependencies = Dependencies(published.index)
    wanted = wanted_of(wishes_of(files))
    looked_up = await dependencies.findings(wanted, seconds=_LOOK_UP_SECONDS)
    unknown = (not_known(notice, "index") for notice in state.notices)
    return IndexAnswer(state.listing, state.similar, (*looked_up, *unknown))


def _judge(
    group: Sequence[LocalFile],
    files: Sequence[ExaminedFile],
    answer: IndexAnswer,
    now: datetime,
    index: str,
) -> Verdict:
    name = group[0].name
    found = findings_of_release(files, answer, now)
    named = {key: [naming(one, index) for one in findings] for key, findings in found.items()}
    return Verdict(
        release=f"{name.project} {name.version}" if name else group[0].path.name,
        files={one.path.name: named[one.path.name] for one in group},
        findings=named[RELEASE],
    )


async def _examined(group: Sequence[LocalFile]) -> Sequence[ExaminedFile]:
    """Apply the rules to files. Descriptions that can take long are rendered with a limit."""
    uploads = [as_named(_upload(one)) for one in group]
    if not any(map(is_rendered, uploads)):
        return [examined_file(one) for one in uploads]
    with Inspection(_LIMITS) as inspection:
        found = [in_pypi_order(await inspection.findings(one, "")) for one in uploads]
    return [examined_with(one, each) for one, each in zip(uploads, found, strict=True)]


def _upload(file: LocalFile) -> Upload:
    return Upload(
        form=file.form,
        filename=file.path.name,
        content_type=None,
        sha256=file.sha256,
        blake2b_256=file.blake2b_256,
        md5=file.md5,
        name=file.name,
        contents=file.contents,
        size=file.size,
    )
