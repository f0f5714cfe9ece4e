"""The pages of one contact: its profile, its editing, its log, its files (UX, "The profile")."""
