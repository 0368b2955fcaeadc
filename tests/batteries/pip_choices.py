"""What pip chooses from the files of a page, for many targets in one process.

It is run by itself, with the pip whose choices are asked for on the path. It reads a question
from a JSON file: the project, a specifier, its files as `[filename, Requires-Python, yanked]`,
and the targets as pip's options name them. It answers with the filename for each, or null.
"""

import json
import sys
from pathlib import Path
from typing import Any

from pip._internal.index.package_finder import PackageFinder
from pip._internal.models.candidate import InstallationCandidate
from pip._internal.models.link import Link
from pip._internal.models.selection_prefs import SelectionPreferences
from pip._internal.models.target_python import TargetPython
from pip._vendor.packaging.specifiers import SpecifierSet


def main() -> None:
    """Answer the question in the file that the command line names."""
    question = json.loads(Path(sys.argv[1]).read_text())
    links = [link_to(*file) for file in question["files"]]
    specifier = SpecifierSet(question["specifier"])
    chosen = [
        choice(question["project"], specifier, links, target) for target in question["targets"]
    ]
    json.dump(chosen, sys.stdout)


def link_to(filename: str, requires_python: str | None, yanked: str | None) -> Link:
    """Return a link as pip makes it of an entry of a page."""
    url = f"https://index.example/files/{filename}"
    return Link(url, requires_python=requires_python, yanked_reason=yanked)


def choice(
    project: str, specifier: SpecifierSet, links: list[Link], target: dict[str, Any]
) -> str | None:
    """Return the file that pip's resolver tries first for a target."""
    finder = PackageFinder.create(
        link_collector=None,  # type: ignore[arg-type]  # nothing is fetched
        selection_prefs=SelectionPreferences(allow_yanked=True),
        target_python=TargetPython(
            platforms=target["platforms"],
            py_version_info=tuple(target["python"]),
            abis=target["abis"],
            implementation=target["implementation"],
        ),
    )
    found = finder.evaluate_links(finder.make_link_evaluator(project), links)
    evaluator = finder.make_candidate_evaluator(project, specifier)
    applicable = evaluator.get_applicable_candidates(found)
    return first_of(list(reversed(applicable)))


def first_of(candidates: list[InstallationCandidate]) -> str | None:
    """Return the first file that is not yanked, as no version is asked for exactly."""
    return next((one.link.filename for one in candidates if not one.link.is_yanked), None)


if __name__ == "__main__":
    main()
