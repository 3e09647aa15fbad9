"""Architectures tried with random weights: in this process, in one of their own, and where they do not fit."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from tests import tiny
from vidal import models
from vidal.models import memory, trials
from vidal.models.blueprint import drawn
from vidal.models.exercise import Exercise
from vidal.models.trials import TrialResult

MADE = {"audio_tagger": tiny.tagger, "text_detector": tiny.detector}
DEMO = {
    "clip": "demo:clip",
    "clap": "demo:clap",
    "depth": "demo:depth",
    "infrared": "demo:srgb-tir",
    "captioner": "demo:captioner",
    "video_captioner": "demo:video-captioner",
}


def test_every_role_but_the_head_is_tried_here():
    assert {*DEMO, *MADE, "head"} == models.ROLES.keys()


@pytest.mark.parametrize("role", [*DEMO, *MADE])
def test_a_batch_goes_through_every_role(role, tmp_path):
    checkpoint = DEMO[role] if role in DEMO else str(MADE[role](tmp_path))
    result = trials._tried(role, checkpoint, None, "cpu", "float32")
    assert result.ok, result.message
    stored = models.load(role, checkpoint, device="cpu").network
    assert result.parameters == sum(weight.numel() for weight in stored.parameters())
    assert result.bytes == {"float32": 4 * result.parameters}
    assert (result.device, result.batch) == ("cpu", 8) and result.peak > result.bytes["float32"] and result.seconds > 0


def test_the_weights_are_drawn_and_not_those_of_the_checkpoint():
    torch.manual_seed(0)
    stored = models.load("depth", "demo:depth", device="cpu").network.state_dict()
    made = drawn("depth", "demo:depth", "cpu", "bfloat16").network.state_dict()
    assert stored.keys() == made.keys() and {one.dtype for one in made.values() if one.is_floating_point()} == {
        torch.bfloat16
    }
    name = max(stored, key=lambda key: stored[key].numel())
    assert not np.allclose(stored[name].numpy(), made[name].float().numpy(), atol=1e-2)


def test_a_trial_runs_in_a_process_of_its_own_that_goes_first_where_memory_runs_out(monkeypatch):
    monkeypatch.setattr(trials, "_tried", elsewhere)
    result = models.trial("depth", "demo:depth", device="cpu")
    assert result.parameters not in (0, os.getpid()) and result.message == "1000"


def elsewhere(*_: str) -> TrialResult:
    """The process that it is called in, and how soon Linux would end that."""
    return TrialResult(True, Path("/proc/self/oom_score_adj").read_text().strip(), parameters=os.getpid())


@pytest.mark.slow
def test_a_real_trial_comes_back_from_its_process():
    result = models.trial("depth", "demo:depth", device="cpu")
    assert result.ok and result.unit == "frame", result.message
    assert result.bytes == {"float32": 4 * result.parameters}


def test_a_process_that_the_system_ends_is_a_message(monkeypatch):
    monkeypatch.setattr(trials, "_tried", kill)
    result = models.trial("depth", "demo:depth", device="cpu")
    assert not result.ok and "'demo:depth'" in result.message and "want of memory" in result.message


def kill(*_: str) -> TrialResult:
    """The end that Linux makes where memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still here")


def test_what_does_not_fit_the_memory_is_not_built(monkeypatch):
    def spawned(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(memory, "free", lambda _: 20_000_000_000)
    monkeypatch.setattr(trials, "ProcessPoolExecutor", spawned)
    result = models.trial("video_captioner", "MAGAer13/mplug-owl-llama-7b-video", device="cpu")
    assert not result.ok and "28.6 GB of weights in float32, and 20.0 GB of memory are free on cpu" in result.message


def test_what_cannot_be_tried_is_a_message():
    assert "linear layer" in models.trial("head", "demo:clip", device="cpu").message
    assert "does not load as 'depth'" in models.trial("depth", "demo:clap", device="cpu").message
    assert "no CUDA device" in models.trial("depth", "demo:depth", device="cuda").message or torch.cuda.is_available()


def test_a_network_that_its_processor_does_not_suit_is_a_message(monkeypatch):
    def unsuitable(*_: object) -> None:
        raise RuntimeError("mat1 and mat2\nshapes cannot be multiplied")

    monkeypatch.setattr(trials, "exercise", lambda _: Exercise("frame", unsuitable))
    result = trials._tried("depth", "demo:depth", None, "cpu", "float32")
    assert not result.ok
    assert (
        result.message == "checkpoint 'demo:depth' does not work as 'depth': mat1 and mat2 shapes cannot be multiplied"
    )
