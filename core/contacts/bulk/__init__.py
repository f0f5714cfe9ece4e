"""What is done with many contacts at once (FEATURES L7): which are chosen, in batches, and taken back."""
