"""Consent („Einwilligungen“): who may be written to for which purpose, and the proof of it."""
