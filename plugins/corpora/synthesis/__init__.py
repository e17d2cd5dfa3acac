"""The sounds and the devices of the embedded corpora, made from a seed."""
