"""Built-in methods; they register by the same entry points as anyone's."""
