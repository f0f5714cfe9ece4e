"""Backing a site up while it runs, restoring it, and erasing again who was erased in between (THREATS T-R4)."""
