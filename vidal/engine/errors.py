"""The errors that cross rooms. Each carries one message that names the file, key or sample, and the fix."""

from __future__ import annotations


class VidalError(Exception):
    """Base of every error a user is meant to read; the command prints its message without a traceback."""


class ConfigError(VidalError):
    """The pipeline file or the command line is wrong. Exit code 2."""


class MissingError(VidalError):
    """Something the work needs is absent: an earlier stage, a file, a checkpoint, a secret. Exit code 2."""


class SampleError(Exception):
    """One sample cannot be processed; retrying the same bytes would fail the same way.

    `error_class` is the stable name shown by `vidal failures` and accepted by `--retry-failed=CLASS`;
    `message` is one line that names what was found.
    """

    def __init__(self, error_class: str, message: str) -> None:
        super().__init__(message)
        self.error_class = error_class

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.error_class, str(self))


class TransientError(SampleError):
    """One sample cannot be processed now; a later attempt may succeed (network, 429, 5xx).

    `retry_after` is the wait in seconds the other side asked for, if it did. `pending` says that the cause lies outside
    the sample (a rate limit, a dead network): where every attempt of a run meets one, the sample stays pending.
    """

    def __init__(
        self, error_class: str, message: str, retry_after: float | None = None, *, pending: bool = False
    ) -> None:
        super().__init__(error_class, message)
        self.retry_after = retry_after
        self.pending = pending

    def __reduce__(self) -> tuple[object, ...]:
        return _transient, (type(self), self.error_class, str(self), self.retry_after, self.pending)


class PendingError(TransientError):
    """Nothing can be said of any sample like this one for longer than it is worth waiting (a host that is not asked
    for a while, a budget that is spent): it stays pending at once, for a later run."""

    def __init__(self, error_class: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(error_class, message, retry_after, pending=True)


def _transient(kind: type, error_class: str, message: str, retry_after: float | None, pending: bool) -> TransientError:
    return (
        kind(error_class, message, retry_after)
        if kind is PendingError
        else kind(error_class, message, retry_after, pending=pending)
    )
