"""The contract of catalogues: what servers over one database have in common."""

from stageproxy.catalogue import Catalogue


async def test_facts(catalogue: Catalogue) -> None:
    """Facts are stored by name; a new value takes the place of the former one."""
    await catalogue.write(lambda rows: rows.installation.save("files", "here"))
    await catalogue.write(lambda rows: rows.installation.save("secret", "a digest"))
    await catalogue.write(lambda rows: rows.installation.save("files", "there"))

    facts = await catalogue.read(lambda rows: rows.installation.facts())

    assert facts == {"files": "there", "secret": "a digest"}
