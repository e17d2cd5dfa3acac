"""What activations tell of devices: statistics, an auxiliary classifier, and documents of both."""
