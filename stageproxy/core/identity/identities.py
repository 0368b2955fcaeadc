"""Identities of CI jobs that were verified, and how people read them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from stageproxy.core.identity.claims import Claims, text_of
from stageproxy.core.identity.providers import Provider
from stageproxy.core.rights import LONGEST_NAME


@dataclass(frozen=True, slots=True)
class Identity:
    """An identity that an issuer has signed.

    *use*: a digest by which a second use of the same token is noticed. *until*: when nobody takes
    it any more.
    """

    issuer: str
    use: str
    until: datetime
    claims: Claims = field(repr=False)


def run_of(provider: Provider, claims: Claims) -> str:
    """Return the name of the run that an identity belongs to, for names of API tokens."""
    match provider:
        case Provider.GITHUB:
            workflow = text_of(claims, "workflow_ref").partition("@")[0].rpartition("/")[2]
            name = f"{text_of(claims, 'repository')} {workflow} {text_of(claims, 'run_id')}"
        case Provider.GITLAB:
            name = f"{text_of(claims, 'project_path')} pipeline {text_of(claims, 'pipeline_id')}"
        case Provider.GOOGLE:
            name = text_of(claims, "email")
        case Provider.ACTIVESTATE:
            organization, project = text_of(claims, "organization"), text_of(claims, "project")
            name = f"{organization}/{project} {text_of(claims, 'actor')}"
        case Provider.OTHER:
            name = text_of(claims, "sub")
    printable = "".join(one if one.isprintable() else "?" for one in name).strip()
    return printable[-LONGEST_NAME + 4 :] or "a CI job"


def facts_of(provider: Provider, claims: Claims) -> Mapping[str, str]:
    """Return the claims that say which run an identity belongs to, for the audit trail."""
    found = {name: text_of(claims, name) for name in _FACTS[provider]}
    return {name: value for name, value in found.items() if value}


_FACTS: Mapping[Provider, tuple[str, ...]] = {
    Provider.GITHUB: (
        "repository",
        "workflow_ref",
        "job_workflow_ref",
        "environment",
        "sha",
        "run_id",
        "run_attempt",
        "actor",
    ),
    Provider.GITLAB: (
        "project_path",
        "ci_config_ref_uri",
        "environment",
        "sha",
        "pipeline_id",
        "job_id",
        "user_login",
    ),
    Provider.GOOGLE: ("email",),
    Provider.ACTIVESTATE: ("organization", "project", "actor"),
    Provider.OTHER: ("sub",),
}
