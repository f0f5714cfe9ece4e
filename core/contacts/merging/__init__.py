"""Merging two contacts into one, undoing it, and finding contacts that may be one person (FEATURES C2, C9)."""
