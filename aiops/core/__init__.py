"""The words of the domain: pure values, no Django models, no I/O."""
