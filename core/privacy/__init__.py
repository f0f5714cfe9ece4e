"""A person's rights on what the site knows: erasing with a receipt (FEATURES C8), and a copy of everything (P2)."""
