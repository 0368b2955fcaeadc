"""The JSON documents that several interfaces share."""
