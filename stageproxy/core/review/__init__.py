"""The review of a release before its promotion: what users would get, and what changes."""
