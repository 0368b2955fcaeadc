"""Here is HTTP: a request in, a response out."""
