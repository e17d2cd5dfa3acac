"""For authors of plugins: a project to start from, and the rules that a plugin is held against."""
