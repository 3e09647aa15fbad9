"""The networks, and the one way to load a checkpoint by name (`load`), to find and download it (`resolve`, `missing`,
`fetch`), to know it by its content (`identity`), and to try it before a build (`check`, `check_endpoint`, `trial`)."""

from vidal.models.checking import CheckResult, check
from vidal.models.checkpoints import fetch, identity, missing, resolve
from vidal.models.endpoint import check_endpoint
from vidal.models.options import Options
from vidal.models.registry import ROLES, load
from vidal.models.trials import TrialResult, trial

__all__ = [
    "ROLES", "CheckResult", "Options", "TrialResult", "check", "check_endpoint", "fetch", "identity", "load", "missing",
    "resolve", "trial",
]  # fmt: skip
