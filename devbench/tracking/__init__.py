"""Mirrors of records in MLflow."""
