"""The result of a promotion, as one JSON document or as a sentence."""

import click

from stageproxy.cli.output.output import print_json
from stageproxy.cli.promote.senders import Document


def result_of(
    promotion: Document, *, receipt: Document | None = None, plan: Document | None = None
) -> Document:
    """Return the document that `--json` prints, with the same keys in every case."""
    return {
        "status": promotion["status"],
        "promotion": promotion,
        "receipt": receipt,
        "plan": plan,
    }


def print_end(promotion: Document, *, as_json: bool) -> None:
    """Print how a promotion ended that was stopped or given up."""
    if as_json:
        print_json(result_of(promotion))
    else:
        click.echo(promotion["reason"])
