"""A fake PyPI: the simple API, the JSON API and Trusted Publishing."""
