"""Rules on the contents of an archive."""

from collections.abc import Iterator, Sequence

from stageproxy.core.archives.contents import WheelFile
from stageproxy.core.rules.findings import Finding, Level, not_known, suspicious
from stageproxy.core.rules.upload import Check, Rule, Upload

_ANY = "…"
_START = "Invalid distribution file. "


def _begins_with(sentence: str) -> Check:
    """Return the check for the problems of the archive that have PyPI's *sentence*."""
    start = sentence.partition(_ANY)[0]

    def check(upload: Upload) -> Iterator[Finding]:
        return (_problem(one) for one in upload.contents.problems if one.startswith(start))

    return check


def _allows(file: WheelFile) -> Check:
    """Return the check for the problem that a wheel has with one of its files."""

    def check(upload: Upload) -> Iterator[Finding]:
        problems = upload.contents.wheel_problems
        return (_problem(one.sentence) for one in problems if one.file is file)

    return check


def _rule(name: str, about: str, sentence: str) -> Rule:
    return Rule(name, about, _begins_with(sentence), sentence)


def _problem(sentence: str) -> Finding:
    return Finding("content", sentence, page=_page_for(sentence))


def _page_for(sentence: str) -> str:
    """Return the page on which PyPI explains a problem, empty if it has none."""
    if "archive not accepted" in sentence:
        return "docs/archives"
    return "policy/acceptable-use-policy/" if "-encrypted content" in sentence else ""


def _unreadable(upload: Upload) -> Iterator[Finding]:
    for problem in upload.contents.problems:
        if not any(problem.startswith(rule.sentence.partition(_ANY)[0]) for rule in _NAMED):
            yield _problem(problem)


def members_that_count(upload: Upload) -> frozenset[str] | None:
    """Return the paths in the archive that rules look up, which may be few of very many."""
    members = upload.contents.members
    return None if members is None else members & {path for _, path in _license_paths(upload)}


def _license_paths(upload: Upload) -> Iterator[tuple[str, str]]:
    """Return each License-File of the form, and its path in the archive."""
    if upload.name is None:
        return
    is_wheel = upload.name.is_wheel
    folder = f"{upload.name.root}/licenses" if is_wheel else upload.contents.root
    for file in upload.values("license_file", "license_files"):
        yield file, f"{folder}/{file}"


def _license_files(upload: Upload) -> Iterator[Finding]:
    members = upload.contents.members
    for file, path in _license_paths(upload):
        if members is not None and path not in members:
            yield Finding(
                "license-file",
                f"License-File {file} does not exist in distribution file {upload.filename} "
                f"at {path}",
            )


def _suspicions(upload: Upload) -> Iterator[Finding]:
    return (suspicious(one) for one in upload.contents.suspicions)


def _unread(upload: Upload) -> Iterator[Finding]:
    return (not_known(one) for one in upload.contents.unread)


_NAMED: Sequence[Rule] = (
    _rule(
        "archive-kind",
        "a wheel is a zip, an sdist is a tar, and no file is both",
        _START + "File is …",
    ),
    _rule(
        "zip-ratio",
        "a zip that unpacks to over 64 MiB unpacks to at most 50 times its size",
        _START + "File exceeds compression ratio of 50",
    ),
    _rule(
        "zip-compression",
        "members of a zip are stored or deflated",
        _START + "File does not use a supported compression type",
    ),
    _rule(
        "sdist-directory",
        "an sdist has exactly one top-level directory",
        _START + "Incorrect number of top-level directories in sdist",
    ),
    _rule(
        "pkg-info",
        "the top-level directory of an sdist has PKG-INFO",
        _START + "PKG-INFO not found at …",
    ),
    _rule(
        "wheel-file",
        "a wheel has WHEEL, in a `.dist-info` directory spelled like the filename",
        _START + "WHEEL not found at …",
    ),
    _rule(
        "tar-damaged",
        "a tar.gz can be read to its end",
        _START + "None…",
    ),
    _rule(
        "tar-sparse",
        "a tar has no sparse members",
        _START + "tar archive not accepted: Sparse members are not allowed.…",
    ),
    _rule(
        "pyarmor",
        "code is not encrypted with PyArmor",
        _START + "PyArmor-encrypted content is not allowed.…",
    ),
    _rule(
        "sourcedefender",
        "code is not encrypted with SourceDefender",
        _START + "SourceDefender-encrypted content is not allowed.…",
    ),
    _rule(
        "zip-frame",
        "a zip is whole and on one disk, has each member once, has no data descriptors, comments, "
        "gaps, control characters or malformed extra fields, and its central directory matches its "
        "local headers",
        _START + "ZIP archive not accepted: …",
    ),
)

ARCHIVE_RULES: Sequence[Rule] = (
    *_NAMED,
    Rule(
        "archive-unreadable",
        "the archive can be read within the limits of stageproxy",
        _unreadable,
        _START + _ANY,
    ),
)
"""PyPI's checks of an archive as such."""

LICENSE_FILES = Rule(
    "license-file",
    "the archive has every License-File of the form: in `.dist-info/licenses` of a wheel, in the "
    "top-level directory of an sdist",
    _license_files,
    "License-File … does not exist in distribution file … at …",
)

WHEEL_RULES: Sequence[Rule] = (
    Rule(
        "record",
        "a wheel has RECORD, which is valid CSV in UTF-8",
        _allows(WheelFile.RECORD),
        "Wheel '…' does not contain the required RECORD file: …",
    ),
    Rule(
        "entry-points",
        "entry_points.txt is valid, has no duplicates, and names scripts with letters, digits, "
        "`_`, `.` and `-`",
        _allows(WheelFile.ENTRY_POINTS),
        "Wheel '…' has invalid entry points defined in the entry_points.txt file",
    ),
    Rule(
        "metadata-file",
        "a wheel has METADATA",
        _allows(WheelFile.METADATA),
        "Wheel '…' does not contain the required METADATA file: …",
    ),
)
"""PyPI's checks of the files in a wheel."""


ARCHIVE_SUSPICION = Rule(
    "archive-suspicion",
    "the archive has metadata of its own release only, in UTF-8 without a byte order mark; paths "
    "are relative, have no invisible characters, are distinct on every system and belong to "
    "regular files; RECORD and WHEEL match the archive; no file is encrypted or damaged; there is"
    " nothing that installers ignore and no tar that unpacks to over 64 MiB and 50 times its "
    "size; all records of a zip agree",
    _suspicions,
    level=Level.WARN,
)

ARCHIVE_UNREAD = Rule(
    "archive-unread",
    "the whole archive can be checked in the time that an upload may take",
    _unread,
    level=Level.UNKNOWN,
)
