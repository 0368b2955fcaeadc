"""The contract of catalogues: what servers over one database have in common."""

from stageproxy.catalogue import Catalogue


async def test_facts(catalogue: Catalogue) -> None:
    """Facts are stored by name; a new value takes the place of the former one."""
    await catalogue.write(lambda rows: rows.installation.save("files", "here"))
    await catalogue.write(lambda rows: rows.installation.save("secret", "a digest"))
    await catalogue.write(lambda rows: rows.installation.save("files", "there"))

    facts = await catalogue.read(lambda rows: rows.installation.facts())

    assert facts == {"files": "there", "secret": "a digest"}


async def test_removed_fact(catalogue: Catalogue) -> None:
    """A fact can be removed, whether or not it is known."""
    await catalogue.write(lambda rows: rows.installation.save("files", "here"))

    await catalogue.write(lambda rows: rows.installation.remove("files"))
    await catalogue.write(lambda rows: rows.installation.remove("files"))

    assert await catalogue.read(lambda rows: rows.installation.facts()) == {}
