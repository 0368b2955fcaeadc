"""The commands that work on a data directory of this machine."""
