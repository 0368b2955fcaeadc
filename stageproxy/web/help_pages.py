"""Here is where PyPI explains what it has against an upload."""

from dataclasses import dataclass, replace

from stageproxy.core.errors import Problem

_MANUAL = "docs/"


@dataclass(frozen=True, slots=True)
class HelpPages:
    """The roots of PyPI's site and of its manual, each with a slash at its end."""

    site: str
    manual: str

    def explained(self, problem: Problem) -> Problem:
        """Return a problem whose sentence leads to its page, as PyPI's do."""
        if not problem.page:
            return problem
        url = self._url_of(problem.page)
        return replace(problem, message=f"{problem.message} See {url} for more information.")

    def _url_of(self, page: str) -> str:
        if page.startswith(_MANUAL):
            return self.manual + page.removeprefix(_MANUAL)
        return self.site + page
