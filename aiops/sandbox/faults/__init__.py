"""Hidden faults with true cures."""
