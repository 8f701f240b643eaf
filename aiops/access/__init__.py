"""People, roles, tokens and the audit: who may do what, and who did it."""
