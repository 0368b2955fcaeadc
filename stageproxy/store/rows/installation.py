"""What servers over one database have in common, as rows."""

from collections.abc import Mapping

from stageproxy.store.rows.columns import Statements


class SqlInstallationRows(Statements):
    """Facts of an installation; see `catalogue.InstallationRows`."""

    def facts(self) -> Mapping[str, str]:
        """Return all facts by name."""
        return {row["name"]: row["value"] for row in self._all("SELECT * FROM installation")}

    def save(self, name: str, value: str) -> None:
        """Store a fact, new or changed."""
        self._upsert("installation", {"name": name, "value": value}, key="name")

    def remove(self, name: str) -> None:
        """Remove a fact, if it is known."""
        self._run("DELETE FROM installation WHERE name = :name", name=name)
