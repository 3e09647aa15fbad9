"""The `vidal` command: one module per command, no logic of its own."""
