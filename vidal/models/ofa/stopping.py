"""When the original's beam search ends."""

from __future__ import annotations

from typing import Any

import torch


class OriginalStopRule:
    """Put before a class that generates: its beam search ends as in the library copy of the original.

    A picture is done when its worst finished text is at least as good as the best continuation of the step, divided by
    the length before the step. Today's library asks the same of the best continuation that goes on, so it stops
    earlier where the best one ends. All else is the library's.
    """

    def _get_top_k_continuations(self, *args: Any, **kwargs: Any) -> tuple[torch.Tensor, ...]:
        found = super()._get_top_k_continuations(*args, **kwargs)
        self._best_of_step = found[0][:, :1]
        return found

    def _check_early_stop_heuristic(self, *, running_beam_scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        return super()._check_early_stop_heuristic(running_beam_scores=self._best_of_step, **kwargs)
