"""Shop: products, a public shop page with cart and checkout, and orders that make customers (FEATURES S1, S2,
S5).
"""
