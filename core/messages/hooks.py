"""What messages add to the contacts area."""
