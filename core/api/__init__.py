"""The REST API (FEATURES H6): what the dashboard does, for programs with a token."""
