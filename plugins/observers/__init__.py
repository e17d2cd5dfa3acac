"""Built-in observers; they register by the same entry points as anyone's."""
