"""Here is how `stageproxy check` works: files read, judged release by release, and told of."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import click
from packaging.utils import canonicalize_version

from stageproxy.cli.distributions import LocalFile, read_distribution
from stageproxy.cli.output import OutOfReachError, print_json
from stageproxy.core.release.checking import findings_by_file, release_findings
from stageproxy.core.release.intake import surroundings_of
from stageproxy.core.verdict.findings import Finding, Level, finding_json
from stageproxy.core.verdict.rules import RULES, RULES_AS_OF, UNKNOWN_RULES
from stageproxy.core.verdict.uploads import Rule, Upload
from stageproxy.services.published import Published, UpstreamState
from stageproxy.services.similar_names import NameSearches
from stageproxy.upstream.cache import CachedIndex
from stageproxy.upstream.index import UpstreamIndex
from stageproxy.upstream.pip_index import index_of_pip, urls_of_simple
from stageproxy.upstream.session import Patience, open_session

_OF_PIP = "pip"
_PATIENCE = Patience(connect=timedelta(seconds=5), read=timedelta(seconds=15))
_SECONDS = 60
_LONGEST_PAGE = 64 * 2**20
_NOT_ASKED = UpstreamState(None)
_MARKS = {Level.REFUSE: "refused", Level.WARN: "warning", Level.UNKNOWN: "unknown"}


@dataclass(frozen=True, slots=True)
class Checked:
    """What is said of the files of one release, one by one and together."""

    release: str
    files: Mapping[str, Sequence[Finding]]
    together: Sequence[Finding]

    @property
    def is_refused(self) -> bool:
        """Say whether PyPI would refuse any of it."""
        each = (finding for findings in self.files.values() for finding in findings)
        return any(one.level is Level.REFUSE for one in (*self.together, *each))


async def check_files(files: Sequence[Path], against: str | None) -> list[Checked]:
    """Return what PyPI would say to files, by release; *against*: an index that is asked, too."""
    read = await asyncio.gather(*(asyncio.to_thread(read_distribution, one) for one in files))
    ordered = sorted(read, key=lambda one: (_release(one), one.is_sdist, one.path.name))
    releases = [list(group) for _, group in groupby(ordered, key=_release)]
    now = datetime.now(UTC)
    if against is None:
        return [_checked(group, _NOT_ASKED, now) for group in releases]
    async with open_session(_PATIENCE) as session:
        urls = index_of_pip() if against == _OF_PIP else urls_of_simple(against)
        upstream = UpstreamIndex(
            session,
            urls,
            files_url="",
            total_timeout=timedelta(seconds=_SECONDS),
            max_page_size=_LONGEST_PAGE,
        )
        index = CachedIndex(
            upstream,
            fresh_for=timedelta(0),
            max_size=_LONGEST_PAGE,
            report=lambda _how, _seconds: None,
        )
        published = Published(index, NameSearches(index), _SECONDS)
        return [_checked(group, await _state(published, group), now) for group in releases]


async def _state(published: Published, group: Sequence[LocalFile]) -> UpstreamState:
    name = group[0].name
    if name is None:
        return _NOT_ASKED
    state = await published.state(name.project)
    if state.listing is None:
        raise OutOfReachError("The index cannot be reached, or does not answer as one.")
    return state


def _checked(group: Sequence[LocalFile], state: UpstreamState, now: datetime) -> Checked:
    name, listing = group[0].name, state.listing
    uploads = [_upload(one) for one in group]
    around = None
    if name is not None and listing is not None:
        around = surroundings_of(listing, str(name.version), now, similar=state.similar)
    together = release_findings(uploads, listing) if name else []
    unknown = [Finding("index", notice, Level.UNKNOWN) for notice in state.notices]
    return Checked(
        _release(group[0]), findings_by_file(uploads, around, now), [*together, *unknown]
    )


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


def _release(file: LocalFile) -> str:
    """Return which release a file is of; what cannot be taken apart stands alone."""
    if file.name is None:
        return file.path.name
    return f"{file.name.project} {canonicalize_version(file.name.version)}"


def print_checked(checked: Sequence[Checked], *, as_json: bool) -> None:
    """Print what is said of files."""
    if as_json:
        print_json(
            {
                "rules": RULES_AS_OF.isoformat(),
                "refused": any(one.is_refused for one in checked),
                "releases": [_document(one) for one in checked],
            }
        )
        return
    for one in checked:
        for filename, findings in one.files.items():
            is_refused = any(finding.level is Level.REFUSE for finding in findings)
            _print_findings("refused" if is_refused else "ok", filename, findings)
        if one.together:
            _print_findings("release", one.release, one.together)
    click.echo(
        f"These are PyPI's rules of {RULES_AS_OF}. What only PyPI can tell is in: "
        "stageproxy check --rules"
    )


def _document(checked: Checked) -> Mapping[str, Any]:
    files = {name: [finding_json(one) for one in found] for name, found in checked.files.items()}
    return {
        "release": checked.release,
        "files": files,
        "findings": [finding_json(one) for one in checked.together],
    }


def _print_findings(what: str, name: str, findings: Sequence[Finding]) -> None:
    click.echo(f"{what:<8} {name}")
    for one in findings:
        click.echo(f"  {_MARKS[one.level]:<8} {one.source}: {one.message}")


def print_rules(*, as_json: bool) -> None:
    """Print what is checked, in PyPI's order, and what only PyPI can tell."""
    if as_json:
        print_json(
            {
                "date": RULES_AS_OF.isoformat(),
                "rules": [_rule(one) for one in RULES],
                "unknown": [_rule(one) for one in UNKNOWN_RULES],
            }
        )
        return
    click.echo(f"What PyPI checked on {RULES_AS_OF}, in its order:")
    _print_table(RULES)
    click.echo("What only PyPI can tell:")
    _print_table(UNKNOWN_RULES)


def _rule(rule: Rule) -> Mapping[str, str]:
    return {
        "id": rule.id,
        "level": rule.level.value,
        "about": rule.about,
        "sentence": rule.sentence,
        "since": rule.since.isoformat(),
    }


def _print_table(rules: Sequence[Rule]) -> None:
    for one in rules:
        click.echo(f"  {one.level:<8} {one.id:<26} {one.about}")
