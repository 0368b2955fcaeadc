"""Copying the rows of a catalogue to another one, whatever database each of them is."""
