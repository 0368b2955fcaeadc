"""The issuers of identities of CI jobs: their keys, and the tokens that they have signed."""
