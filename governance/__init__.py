"""The system's watch over itself."""
