"""The outside world, one module each. Every error is `Transient`, `Permanent` or `Ambiguous`."""
