"""That a small one learns: what it sees and what it reads reach every weight, and the loss falls."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import pad

from tests.models.mplug_owl.tiny import tiny_config
from vidal.models.mplug_owl.model import MplugOwlForConditionalGeneration
from vidal.models.mplug_owl.words import END, load_words

SAID = ["a red circle moves left", "a blue star spins", "a green square moves right"]


@pytest.fixture(scope="module")
def lesson(tiny):
    """Three clips, and what is said of them: ids, mask, labels, pixels."""
    words = load_words(tiny)
    asked = words.prompt("<|video|> AI: ", 4)
    rows = [[*words.encode(text), END] for text in SAID]
    length = max(map(len, rows))
    ids = torch.tensor([asked + row + [END] * (length - len(row)) for row in rows])
    counts = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])
    mask = pad(counts, (len(asked), 0), value=1)
    labels = ids.masked_fill(pad(counts, (len(asked), 0)) == 0, -100)
    pixels = torch.randn(3, 3, 4, 42, 42, generator=torch.Generator().manual_seed(1))
    return {"input_ids": ids, "attention_mask": mask, "labels": labels, "video_pixel_values": pixels}, len(asked)


def test_the_loss_falls_and_the_clip_decides_what_is_said(tiny, lesson):
    batch, asked = lesson
    torch.manual_seed(0)
    network = MplugOwlForConditionalGeneration(tiny_config(True, load_words(tiny).backend.get_vocab_size())).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = network(**batch).loss
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
    found = network.eval().generate(
        batch["input_ids"][:, :asked], video_pixel_values=batch["video_pixel_values"], do_sample=False,
        max_new_tokens=40, eos_token_id=END, pad_token_id=END,
    )  # fmt: skip
    assert [load_words(tiny).decode(row) for row in found.tolist()] == SAID


def test_every_weight_has_a_gradient(tiny, lesson):
    batch, _ = lesson
    network = MplugOwlForConditionalGeneration(tiny_config(True, load_words(tiny).backend.get_vocab_size()))
    up = [layer.temporal.up_proj.weight for layer in network.vision_model.encoder.layers]
    assert not any(weight.any() for weight in up)
    for weight in up:
        torch.nn.init.normal_(weight)
    network(**batch).loss.backward()
    still = {name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()}
    assert still == set()
    assert all(weight.std() > 0.1 for name, weight in network.named_parameters() if "query_tokens" in name)
