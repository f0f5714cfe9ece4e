"""What staff accounts add: their permissions and pages."""
