"""Alerts become incidents, and each incident gets one decision."""
