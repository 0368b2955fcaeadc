"""The providers of identities, and the fields of their trusted publishers."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Provider(StrEnum):
    """What runs CI jobs and gives them identity tokens."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GOOGLE = "google"
    ACTIVESTATE = "activestate"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ProviderFields:
    """The issuer of a provider, and the fields of its trusted publishers.

    *issuer*: empty if each publisher names one. *is_fixed*: whether it can be no other.
    """

    issuer: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    is_fixed: bool = True


FIELDS: Mapping[Provider, ProviderFields] = {
    Provider.GITHUB: ProviderFields(
        "https://token.actions.githubusercontent.com",
        ("repository", "repository_id", "repository_owner_id", "workflow"),
        ("reusable_workflow", "environment", "ref"),
        is_fixed=False,
    ),
    Provider.GITLAB: ProviderFields(
        "https://gitlab.com",
        ("project_path", "project_id", "ci_config"),
        ("environment", "ref"),
        is_fixed=False,
    ),
    Provider.GOOGLE: ProviderFields("https://accounts.google.com", ("email",), ("sub",)),
    Provider.ACTIVESTATE: ProviderFields(
        "https://platform.activestate.com/api/v1/oauth/oidc",
        ("organization", "project", "actor_id"),
    ),
    Provider.OTHER: ProviderFields("", ("sub",), is_fixed=False),
}
"""The fields of trusted publishers, by provider. Those of GitHub Enterprise and of GitLab's own
instances have other issuers."""
