"""Plugins with one mistake each, for seeing what the dashboard says of them."""
