"""What a plugin sees: types, Method, Access, specs and hooks. Standard library only at the top."""
