"""Contacts out of the site and into it: files of all formats, recognised, checked, taken in and taken back."""
