"""Servers to measure and to measure beside, in processes of their own."""
