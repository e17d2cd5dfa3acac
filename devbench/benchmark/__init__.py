"""Benchmark files, splits by event, and seeds by purpose."""
