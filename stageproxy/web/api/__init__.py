"""The API of stages, tokens, promotions and the audit trail, and its description."""
