"""Issuers of identities, and the tokens that they sign."""
