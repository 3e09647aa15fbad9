"""`python -m vidal`."""

from vidal.cli.app import main

main()
