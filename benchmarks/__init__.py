"""Benchmark files (TOML) and, under speed/, the speed measurements."""
