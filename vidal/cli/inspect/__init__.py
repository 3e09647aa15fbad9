"""`vidal inspect`: what to look at, and one module for each way to look."""

from vidal.cli.inspect.command import inspect

__all__ = ["inspect"]
