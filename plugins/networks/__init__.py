"""The nn.Modules of the built-in plugins; hook modules import them when they build."""
