"""One-shot equalisation: its settings, its self-supervised data, its training and its use."""
