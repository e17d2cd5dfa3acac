"""Sound files, frequency responses and device simulation."""
