"""`python -m devbench` is `devbench`."""

from devbench.cli import main

main()
