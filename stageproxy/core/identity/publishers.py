"""Trusted publishers: CI jobs that may upload to a project, and which identities are theirs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase

from stageproxy.core.identity.claims import Claims, text_of
from stageproxy.core.identity.providers import Provider

_FOREIGN_EVENTS = frozenset({"pull_request", "pull_request_target"})
"""Events of GitHub in which code of strangers may run."""


@dataclass(frozen=True, slots=True)
class TrustedPublisher:
    """A CI job that may upload to a project.

    *issuer*: URL of the issuer of its identities. *fields*: what has to be so, by the names in
    `providers.FIELDS`.
    """

    id: str
    project: str
    provider: Provider
    issuer: str
    fields: Mapping[str, str]
    added_at: datetime
    added_by: str = field(default="")

    @property
    def is_specific(self) -> bool:
        """Whether it is for one environment only."""
        return "environment" in self.fields


def find_publishers(
    publishers: Sequence[TrustedPublisher], issuer: str, claims: Claims
) -> Sequence[TrustedPublisher]:
    """Return the publishers that an identity belongs to.

    Those for the job's environment come before those for any, as on PyPI: the others are left out.
    """
    own = [
        one for one in publishers if one.issuer == issuer and not any(find_differences(one, claims))
    ]
    specific = [one for one in own if one.is_specific]
    return specific or own


def find_differences(publisher: TrustedPublisher, claims: Claims) -> Iterator[str]:
    """Yield in what an identity is not that of a publisher, a sentence each."""
    yield from _CHECKS[publisher.provider](publisher.fields, claims)


def nearest_differences(publishers: Sequence[TrustedPublisher], claims: Claims) -> Sequence[str]:
    """Return in what an identity differs from the publisher of the same repository or account.

    Nothing if there is none: what other projects trust is nobody else's business.
    """
    related = [one for one in publishers if _is_related(one, claims)]
    found = (list(find_differences(one, claims)) for one in related)
    return min(found, key=len, default=[])


def _is_related(publisher: TrustedPublisher, claims: Claims) -> bool:
    name = _IDENTIFYING[publisher.provider]
    return text_of(claims, name) == publisher.fields[name]


def _check_github(fields: Mapping[str, str], claims: Claims) -> Iterator[str]:
    # The numbers are what counts: names can be given to others.
    yield from _differing(fields, claims, "repository_id", "repository_owner_id")
    repository = text_of(claims, "repository")
    if repository.casefold() != fields["repository"].casefold():
        yield _differs("repository", repository, fields["repository"])
    event = text_of(claims, "event_name")
    if event in _FOREIGN_EVENTS:
        yield f"event_name is {event}, in which code of strangers may run."
    yield from _check_workflows(fields, claims, repository)
    yield from _check_environment(fields, claims)
    yield from _check_ref(fields, text_of(claims, "ref"))


def _check_workflows(fields: Mapping[str, str], claims: Claims, repository: str) -> Iterator[str]:
    """Compare the workflow that was started, and the one that the job is defined in."""
    own = f"{repository}/.github/workflows/{fields['workflow']}"
    refs = {one for one in (text_of(claims, "ref"), text_of(claims, "sha")) if one}
    started = text_of(claims, "workflow_ref")
    if started not in {f"{own}@{ref}" for ref in refs}:
        yield _differs("workflow_ref", started, f"{own}@…")
    wanted = fields.get("reusable_workflow")
    defined = text_of(claims, "job_workflow_ref")
    if wanted is None:
        if defined not in {f"{own}@{ref}" for ref in refs}:
            yield _differs("job_workflow_ref", defined, f"{own}@…")
    elif defined != wanted:
        yield _differs("job_workflow_ref", defined, wanted)


def _check_gitlab(fields: Mapping[str, str], claims: Claims) -> Iterator[str]:
    yield from _differing(fields, claims, "project_id")
    path = text_of(claims, "project_path")
    if path.casefold() != fields["project_path"].casefold():
        yield _differs("project_path", path, fields["project_path"])
    host = text_of(claims, "iss").removeprefix("https://")
    config = text_of(claims, "ci_config_ref_uri").partition("@")[0]
    wanted = f"{host}/{path}//{fields['ci_config']}"
    if config != wanted:
        yield _differs("ci_config_ref_uri", config, wanted)
    if text_of(claims, "pipeline_source") == "merge_request_event":
        yield "pipeline_source is merge_request_event, in which code of strangers may run."
    yield from _check_environment(fields, claims)
    yield from _check_ref(fields, text_of(claims, "ref"))


def _check_google(fields: Mapping[str, str], claims: Claims) -> Iterator[str]:
    yield from _differing(fields, claims, "email")
    if claims.get("email_verified") is not True:
        yield "email_verified is not true."
    if "sub" in fields:
        yield from _differing(fields, claims, "sub")


def _check_activestate(fields: Mapping[str, str], claims: Claims) -> Iterator[str]:
    yield from _differing(fields, claims, "organization", "project", "actor_id")
    builder = text_of(claims, "builder")
    if builder != "pypi-publisher":
        yield _differs("builder", builder, "pypi-publisher")


def _check_other(fields: Mapping[str, str], claims: Claims) -> Iterator[str]:
    yield from _differing(fields, claims, *fields)


def _check_environment(fields: Mapping[str, str], claims: Claims) -> Iterator[str]:
    wanted, found = fields.get("environment"), text_of(claims, "environment")
    if wanted is not None and found.casefold() != wanted.casefold():
        yield _differs("environment", found, wanted)


def _check_ref(fields: Mapping[str, str], found: str) -> Iterator[str]:
    wanted = fields.get("ref")
    if wanted is not None and not fnmatchcase(found, wanted):
        yield _differs("ref", found, wanted)


def _differing(fields: Mapping[str, str], claims: Claims, *names: str) -> Iterator[str]:
    for name in names:
        found = text_of(claims, name)
        if found != fields[name]:
            yield _differs(name, found, fields[name])


def _differs(name: str, found: str, wanted: str) -> str:
    return f"{name} is {found or 'missing'}, not {wanted}."


_CHECKS: Mapping[Provider, Callable[[Mapping[str, str], Claims], Iterator[str]]] = {
    Provider.GITHUB: _check_github,
    Provider.GITLAB: _check_gitlab,
    Provider.GOOGLE: _check_google,
    Provider.ACTIVESTATE: _check_activestate,
    Provider.OTHER: _check_other,
}

_IDENTIFYING: Mapping[Provider, str] = {
    Provider.GITHUB: "repository_id",
    Provider.GITLAB: "project_id",
    Provider.GOOGLE: "email",
    Provider.ACTIVESTATE: "actor_id",
    Provider.OTHER: "sub",
}
"""The claim by which a job is recognized that belongs to a publisher but for a detail."""
