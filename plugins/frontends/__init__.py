"""Built-in frontends; they register by the same entry points as anyone's."""
