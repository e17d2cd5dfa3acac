"""Corpus folders: opening, building from measured responses, importing, checking."""
