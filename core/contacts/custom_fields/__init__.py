"""Custom fields (FEATURES C14): what staff define on a screen, and the values that contacts have."""
