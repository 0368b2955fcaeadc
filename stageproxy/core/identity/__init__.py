"""Who a CI job is, by the identity token of its provider, and for which project it may upload."""
