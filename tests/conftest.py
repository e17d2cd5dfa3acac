"""Shared by all tests; its place makes `helpers` importable from every test folder."""
