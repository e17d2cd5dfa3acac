"""Built-in corpora; they register by the same entry points as anyone's."""
