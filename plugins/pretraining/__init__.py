"""Pretraining on masked spectrograms: what a transformer learns without labels."""
