"""The running server: how it starts, what it is made of, and its clock."""
