"""Sweeps: many runs asked for at once, those that are missing computed, none twice."""
