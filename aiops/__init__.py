"""The wiring of the decision console, and the parts that every app stands on."""
