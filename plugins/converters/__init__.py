"""Converters: networks that make a clip look recorded by another device, and their training."""
