"""The pages for contacts that leave and contacts that come: export and import."""
