"""Who sends a request, and whether it may: tokens, sessions, addresses, guesses."""
