"""Examples of every command, which its help shows."""

from collections.abc import Mapping

import click

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "audit": ("audit demo==2.0", "audit --tokens", "audit verify"),
    "audit show": ("audit demo==2.0", "audit --tokens", "audit show demo --json"),
    "audit verify": ("audit verify", "audit verify --head 90c2…"),
    "backup": ("backup /backups/stageproxy/", "backup stage.tar --with-secrets"),
    "check": ("check dist/*", "check dist/* --against pip", "check --rules"),
    "completion": ("completion bash > ~/.local/share/bash-completion/completions/stageproxy",),
    "config": ("config check /etc/stageproxy/config.toml", "config show"),
    "config check": ("config check", "config check /etc/stageproxy/config.toml"),
    "config show": ("config show", "config show --config config.toml"),
    "demo": ("demo",),
    "doctor": ("doctor", "doctor --config /etc/stageproxy/config.toml"),
    "download": ("download demo==2.0", "download demo==2.0 --dest dist"),
    "fsck": ("fsck", "fsck --data /srv/stageproxy --repair"),
    "limits": ("limits", "limits demo"),
    "migrate-storage": (
        "migrate-storage --to-database postgresql://db.example/stage --dry-run",
        "migrate-storage --to-files s3://bucket/stage --config config.toml",
        "migrate-storage --to-database sqlite --to-files folder",
    ),
    "oidc": ("oidc token --server https://stage.example",),
    "oidc token": ("oidc token --server https://stage.example",),
    "promote": (
        "promote demo==2.0 --dry-run",
        "promote demo==2.0",
        "promote demo==2.0 --hashes SHA256SUMS --yes",
        "promote demo==2.0 --stop",
    ),
    "publisher": ("publisher list demo",),
    "publisher add": (
        "publisher add demo google email=release@demo.example",
        "publisher add demo gitlab project_path=group/demo project_id=22 ci_config=.gitlab-ci.yml",
    ),
    "publisher list": ("publisher list demo",),
    "publisher remove": ("publisher remove demo eb88813e",),
    "restore": ("restore stage.tar", "restore /backups/stageproxy/ --data /srv/stageproxy"),
    "review": (
        "review demo==2.0",
        "review demo==2.0 --diff",
        "review demo==2.0 --hashes build.log",
        "review demo==2.0 --json",
    ),
    "serve": ("serve", "serve --config /etc/stageproxy/config.toml", "serve --port 0"),
    "stage": ("stage open demo 2.0", "stage list", "stage show demo==2.0"),
    "stage open": ("stage open demo 2.0", "stage open demo --lifetime 3d"),
    "stage list": ("stage list", "stage list --project demo"),
    "stage show": ("stage show demo==2.0", "stage show demo==2.0 --hashes > SHA256SUMS"),
    "stage extend": ("stage extend demo==2.0 --by 3d",),
    "stage cancel": ("stage cancel demo==2.0", "stage cancel --empty --project demo"),
    "stage rotate": ("stage rotate demo==2.0",),
    "stage remove": ("stage remove demo==2.0 demo-2.0-py3-none-any.whl",),
    "sweep": ("sweep --dry-run", "sweep"),
    "token": ("token new --project demo --can upload --expires 30d", "token list"),
    "token new": (
        "token new --project demo --can upload --expires 30d --name ci-linux",
        "token new --project demo --can manage --version 2.0",
    ),
    "token list": ("token list",),
    "token revoke": ("token revoke eb88813e",),
    "token reset-admin": ("token reset-admin --data /srv/stageproxy",),
    "try": (
        "try demo==2.0",
        "try demo==2.0 --python 3.13 --installer uv",
        "try demo==2.0 --with pytest -- pytest tests",
    ),
    "upload": ("upload dist/*", "upload --stage demo==2.0 dist/*.whl", "upload --promote dist/*"),
    "verify-transparency": (
        "verify-transparency demo==2.0",
        "verify-transparency demo==2.0 --sample 100",
    ),
    "wait": ("wait demo==2.0 --files 5", "wait demo==2.0 --files 5 --timeout 30m"),
}
"""By the full name of the command, each without `stageproxy`."""


def add_examples(command: click.Command, name: str) -> None:
    """Add its examples to the help of a command, and to those of the commands of a group."""
    lines = [f"  stageproxy {one}" for one in EXAMPLES.get(name, ())]
    if lines:
        command.epilog = "\n".join(["\b", "Examples:", *lines])
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        add_examples(below, f"{name} {below.name}")
