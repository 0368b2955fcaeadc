"""An identity belongs to a trusted publisher if everything that counts is the same."""

from collections.abc import Mapping
from typing import Any

import pytest

from stageproxy.core.identity.identities import run_of
from stageproxy.core.identity.providers import FIELDS, Provider
from stageproxy.core.identity.publishers import (
    TrustedPublisher,
    find_differences,
    find_publishers,
)
from stageproxy.core.rights import LONGEST_NAME
from tests.support.ports.clock import NOON
from tests.support.servers.issuer import GITHUB

REUSABLE = "octo/shared/.github/workflows/publish.yml@refs/heads/main"
GITLAB: Mapping[str, Any] = {
    "iss": "https://gitlab.com",
    "project_id": "22",
    "project_path": "group/demo",
    "namespace_id": "72",
    "ci_config_ref_uri": "gitlab.com/group/demo//.gitlab-ci.yml@refs/tags/v2.0",
    "ref": "v2.0",
    "ref_type": "tag",
    "pipeline_id": "574",
    "pipeline_source": "push",
    "environment": "release",
    "sub": "project_path:group/demo:ref_type:tag:ref:v2.0",
}
GOOGLE: Mapping[str, Any] = {
    "email": "release@demo.example",
    "email_verified": True,
    "sub": "111222333",
}
ACTIVESTATE: Mapping[str, Any] = {
    "organization": "octo",
    "project": "demo",
    "actor": "octocat",
    "actor_id": "00000000-1111-2222",
    "builder": "pypi-publisher",
    "sub": "org:octo:project:demo",
}
OTHER: Mapping[str, Any] = {"sub": "job:demo", "branch": "main"}
CLAIMS = {
    Provider.GITHUB: GITHUB,
    Provider.GITLAB: GITLAB,
    Provider.GOOGLE: GOOGLE,
    Provider.ACTIVESTATE: ACTIVESTATE,
    Provider.OTHER: OTHER,
}
WANTED: Mapping[Provider, Mapping[str, str]] = {
    Provider.GITHUB: {
        "repository": "octo/demo",
        "repository_id": "74",
        "repository_owner_id": "65",
        "workflow": "release.yml",
    },
    Provider.GITLAB: {
        "project_path": "group/demo",
        "project_id": "22",
        "ci_config": ".gitlab-ci.yml",
    },
    Provider.GOOGLE: {"email": "release@demo.example"},
    Provider.ACTIVESTATE: {
        "organization": "octo",
        "project": "demo",
        "actor_id": "00000000-1111-2222",
    },
    Provider.OTHER: {"sub": "job:demo"},
}


def publisher(provider: Provider, of: str = "demo", /, **more: str) -> TrustedPublisher:
    """Return a publisher of the job of `CLAIMS`, that wants more than it has to."""
    fields = {**WANTED[provider], **more}
    issuer = FIELDS[provider].issuer or "https://ci.example"
    return TrustedPublisher("p1", of, provider, issuer, fields, NOON, "t1")


def claims_of(provider: Provider, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims of a job; those that are changed to `None` are left out."""
    claims = {**CLAIMS[provider], **changes}
    return {name: value for name, value in claims.items() if value is not None}


def at(ref: str) -> dict[str, str]:
    """Return the claims of a job of GitHub at another ref."""
    workflow = f"octo/demo/.github/workflows/release.yml@{ref}"
    return {"ref": ref, "workflow_ref": workflow, "job_workflow_ref": workflow}


HONEST: dict[str, tuple[Provider, Mapping[str, str], Mapping[str, Any]]] = {
    "GitHub, a tag": (Provider.GITHUB, {}, {}),
    "GitHub, a branch": (Provider.GITHUB, {}, at("refs/heads/main")),
    "GitHub, started by hand": (Provider.GITHUB, {}, {"event_name": "workflow_dispatch"}),
    "GitHub, a release": (Provider.GITHUB, {}, {"event_name": "release"}),
    "GitHub, other case": (
        Provider.GITHUB,
        {},
        {
            "repository": "Octo/Demo",
            **dict.fromkeys(
                ("workflow_ref", "job_workflow_ref"),
                "Octo/Demo/.github/workflows/release.yml@refs/tags/v2.0",
            ),
        },
    ),
    "GitHub, an environment": (
        Provider.GITHUB,
        {"environment": "release"},
        {"environment": "Release"},
    ),
    "GitHub, one that it need not have": (Provider.GITHUB, {}, {"environment": "release"}),
    "GitHub, tags only": (Provider.GITHUB, {"ref": "refs/tags/*"}, {}),
    "GitHub, a reusable workflow": (
        Provider.GITHUB,
        {"reusable_workflow": REUSABLE},
        {"job_workflow_ref": REUSABLE},
    ),
    "GitHub, ids as numbers": (
        Provider.GITHUB,
        {},
        {"repository_id": 74, "repository_owner_id": 65},
    ),
    "GitHub, another subject": (Provider.GITHUB, {}, {"sub": "repository_owner_id:65:whatever"}),
    "GitHub, at the commit": (
        Provider.GITHUB,
        {},
        dict.fromkeys(
            ("workflow_ref", "job_workflow_ref"),
            f"octo/demo/.github/workflows/release.yml@{'f' * 40}",
        ),
    ),
    "GitLab": (Provider.GITLAB, {}, {}),
    "GitLab, an environment": (Provider.GITLAB, {"environment": "release"}, {}),
    "GitLab, some tags": (Provider.GITLAB, {"ref": "v*"}, {}),
    "GitLab, id as a number": (Provider.GITLAB, {}, {"project_id": 22}),
    "Google": (Provider.GOOGLE, {}, {}),
    "Google, one subject": (Provider.GOOGLE, {"sub": "111222333"}, {}),
    "ActiveState": (Provider.ACTIVESTATE, {}, {}),
    "another issuer": (Provider.OTHER, {"branch": "main"}, {}),
}


@pytest.mark.parametrize(("provider", "more", "changes"), HONEST.values(), ids=HONEST)
def test_honest_jobs(
    provider: Provider, more: Mapping[str, str], changes: Mapping[str, Any]
) -> None:
    """The job that is meant belongs to its publisher, in each shape that its provider sends."""
    own = publisher(provider, **more)
    claims = claims_of(provider, changes)

    assert [*find_differences(own, claims)] == []
    assert find_publishers([own], own.issuer, claims) == [own]


OTHERS: dict[str, tuple[Provider, Mapping[str, str], Mapping[str, Any]]] = {
    "GitHub, a look-alike repository": (Provider.GITHUB, {}, {"repository_id": "75"}),
    "GitHub, a repository that was made anew": (
        Provider.GITHUB,
        {},
        {"repository_id": "99", "repository_owner_id": "65"},
    ),
    "GitHub, an owner with a name that became free": (
        Provider.GITHUB,
        {},
        {"repository_owner_id": "66"},
    ),
    "GitHub, a renamed repository": (Provider.GITHUB, {}, {"repository": "octo/other"}),
    "GitHub, a fork": (
        Provider.GITHUB,
        {},
        {
            "repository": "mallory/demo",
            "repository_id": "76",
            "repository_owner_id": "67",
        },
    ),
    "GitHub, a pull request": (Provider.GITHUB, {}, {"event_name": "pull_request"}),
    "GitHub, a fork's pull request": (Provider.GITHUB, {}, {"event_name": "pull_request_target"}),
    "GitHub, another workflow": (
        Provider.GITHUB,
        {},
        {
            "workflow_ref": "octo/demo/.github/workflows/test.yml@refs/tags/v2.0",
        },
    ),
    "GitHub, a workflow of another repository": (
        Provider.GITHUB,
        {},
        {
            "workflow_ref": "mallory/demo/.github/workflows/release.yml@refs/tags/v2.0",
        },
    ),
    "GitHub, a workflow with a longer name": (
        Provider.GITHUB,
        {},
        {
            "workflow_ref": "octo/demo/.github/workflows/evil-release.yml@refs/tags/v2.0",
        },
    ),
    "GitHub, a workflow of another ref": (
        Provider.GITHUB,
        {},
        {
            "workflow_ref": "octo/demo/.github/workflows/release.yml@refs/heads/evil",
        },
    ),
    "GitHub, a reusable workflow that is not named": (
        Provider.GITHUB,
        {},
        {"job_workflow_ref": REUSABLE},
    ),
    "GitHub, the reusable workflow of another branch": (
        Provider.GITHUB,
        {"reusable_workflow": REUSABLE},
        {"job_workflow_ref": REUSABLE.replace("main", "evil")},
    ),
    "GitHub, no reusable workflow where one is named": (
        Provider.GITHUB,
        {"reusable_workflow": REUSABLE},
        {},
    ),
    "GitHub, another environment": (
        Provider.GITHUB,
        {"environment": "release"},
        {"environment": "test"},
    ),
    "GitHub, no environment": (Provider.GITHUB, {"environment": "release"}, {}),
    "GitHub, a branch where tags are wanted": (
        Provider.GITHUB,
        {"ref": "refs/tags/*"},
        at("refs/heads/main"),
    ),
    "GitHub, no claims": (Provider.GITHUB, {}, dict.fromkeys(GITHUB)),
    "GitHub, no id": (Provider.GITHUB, {}, {"repository_id": None}),
    "GitHub, ids in a list": (Provider.GITHUB, {}, {"repository_id": ["74"]}),
    "GitLab, another project": (Provider.GITLAB, {}, {"project_id": "23"}),
    "GitLab, a renamed project": (Provider.GITLAB, {}, {"project_path": "group/other"}),
    "GitLab, another file": (
        Provider.GITLAB,
        {},
        {
            "ci_config_ref_uri": "gitlab.com/group/demo//evil.yml@refs/tags/v2.0",
        },
    ),
    "GitLab, a file of another project": (
        Provider.GITLAB,
        {},
        {
            "ci_config_ref_uri": "gitlab.com/mallory/demo//.gitlab-ci.yml@refs/tags/v2.0",
        },
    ),
    "GitLab, a file of another instance": (
        Provider.GITLAB,
        {},
        {
            "ci_config_ref_uri": "evil.example/group/demo//.gitlab-ci.yml@refs/tags/v2.0",
        },
    ),
    "GitLab, a merge request": (Provider.GITLAB, {}, {"pipeline_source": "merge_request_event"}),
    "GitLab, another environment": (Provider.GITLAB, {"environment": "other"}, {}),
    "GitLab, another ref": (Provider.GITLAB, {"ref": "main"}, {}),
    "Google, another account": (Provider.GOOGLE, {}, {"email": "release@demo.example.evil"}),
    "Google, an address that nobody has verified": (Provider.GOOGLE, {}, {"email_verified": False}),
    "Google, a text that says true": (Provider.GOOGLE, {}, {"email_verified": "true"}),
    "Google, another subject": (Provider.GOOGLE, {"sub": "999"}, {}),
    "ActiveState, another project": (Provider.ACTIVESTATE, {}, {"project": "other"}),
    "ActiveState, another actor": (Provider.ACTIVESTATE, {}, {"actor_id": "other"}),
    "ActiveState, another builder": (Provider.ACTIVESTATE, {}, {"builder": "other"}),
    "another issuer, another subject": (Provider.OTHER, {}, {"sub": "job:other"}),
    "another issuer, another branch": (Provider.OTHER, {"branch": "release"}, {}),
}


@pytest.mark.parametrize(("provider", "more", "changes"), OTHERS.values(), ids=OTHERS)
def test_other_jobs(
    provider: Provider, more: Mapping[str, str], changes: Mapping[str, Any]
) -> None:
    """A job that differs in anything that counts belongs to no publisher; it is said in what."""
    own = publisher(provider, **more)
    claims = claims_of(provider, changes)

    assert [*find_differences(own, claims)] != []
    assert find_publishers([own], own.issuer, claims) == []


def test_issuer_of_another_publisher() -> None:
    """The same claims by another issuer are those of somebody else."""
    own = publisher(Provider.GITHUB)

    assert find_publishers([own], "https://ci.example", GITHUB) == []


def test_environment_comes_first() -> None:
    """Where a publisher names the environment of the job, those that name none are left out."""
    any_environment, own = (
        publisher(Provider.GITHUB, "any"),
        publisher(Provider.GITHUB, "own", environment="release"),
    )
    claims = claims_of(Provider.GITHUB, {"environment": "release"})

    assert find_publishers([any_environment, own], own.issuer, claims) == [own]
    assert find_publishers([any_environment, own], own.issuer, GITHUB) == [any_environment]


@pytest.mark.parametrize("provider", Provider)
def test_fields_of_every_provider(provider: Provider) -> None:
    """Each field that a publisher has to name is compared."""
    for name in FIELDS[provider].required:
        other = publisher(provider, **{name: "something else"})
        assert [*find_differences(other, CLAIMS[provider])] != []


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        (Provider.GITHUB, "octo/demo release.yml 1234567890"),
        (Provider.GITLAB, "group/demo pipeline 574"),
        (Provider.GOOGLE, "release@demo.example"),
        (Provider.ACTIVESTATE, "octo/demo octocat"),
        (Provider.OTHER, "job:demo"),
    ],
)
def test_name_of_a_run(provider: Provider, name: str) -> None:
    """A run is named by what people find it by."""
    assert run_of(provider, CLAIMS[provider]) == name


def test_long_name_of_a_run() -> None:
    """A long or strange name becomes one that an API token can have, with its end."""
    claims = claims_of(Provider.GITHUB, {"repository": "o/" + "x" * 200, "run_id": "7\n8"})

    name = run_of(Provider.GITHUB, claims)

    assert name.endswith("release.yml 7?8")
    assert len(name) < LONGEST_NAME
