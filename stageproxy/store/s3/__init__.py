"""The files of artifacts in a bucket of an S3-compatible store."""
