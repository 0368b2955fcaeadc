"""Here are the rules: plain values in, plain values out."""
