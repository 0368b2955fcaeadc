"""The HTTP server: routes, handlers and responses."""
