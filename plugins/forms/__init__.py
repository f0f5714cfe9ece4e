"""Forms („Formulare“): forms that staff build, for the site's own pages and for any other website."""
