"""A backbone with attention over time."""
