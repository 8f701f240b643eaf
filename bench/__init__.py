"""Benchmarks: what the product reaches on this machine, beside a reference measured in the same run."""
