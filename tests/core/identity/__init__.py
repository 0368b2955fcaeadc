"""Which identities belong to which trusted publisher."""
