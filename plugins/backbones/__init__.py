"""Built-in backbones; they register by the same entry points as anyone's."""
