"""The networks and the one way to load a checkpoint by name: `load`, `check`, `identity`, `resolve`, `fetch`."""

from vidal.models.checkpoints import fetch, identity, resolve
from vidal.models.options import Options
from vidal.models.registry import ROLES, CheckResult, check, load

__all__ = ["ROLES", "CheckResult", "Options", "check", "fetch", "identity", "load", "resolve"]
