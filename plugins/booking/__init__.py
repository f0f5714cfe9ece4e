"""Appointments: services that visitors book at free times, and what staff see of them (FEATURES B1, B3)."""
