"""Orders of other shops, taken in from their files (FEATURES S6): Shopify's order export, and those of WooCommerce."""
