"""The network learns: gradients reach what takes part in a caption, and a few steps lower the loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vidal.models.ofa.captioner import PROMPT, normalised, resized
from vidal.models.ofa.config import OFAConfig
from vidal.models.ofa.model import OFAForConditionalGeneration
from vidal.models.ofa.tokenizer import OFATokenizer

GENERATED_PICTURES = ("embed_image_positions", "image_pos_ln", "code_layernorm_embedding", "image_rel_pos_table_list")
COLOURS = {"red": (230, 30, 30), "green": (30, 200, 40), "blue": (40, 60, 230)}


@pytest.fixture(scope="module")
def lesson(tiny):
    """An untrained network, and a batch of coloured pictures with what is to be said of them."""
    config = OFAConfig.from_pretrained(tiny)
    config.init_std, config.dropout = 0.1, 0.1
    torch.manual_seed(1)
    network = OFAForConditionalGeneration(config)
    tokenizer = OFATokenizer.from_pretrained(tiny)
    named = list(COLOURS) * 3
    rng = np.random.default_rng(0)
    shown = [rng.integers(0, 25, (40, 50, 3)) + np.array(COLOURS[name]) for name in named]
    pixels = normalised(torch.from_numpy(np.stack([resized(one.astype(np.uint8), 64) for one in shown])))
    texts = [" the image is " + name + (" moves" if index % 2 else "") for index, name in enumerate(named)]
    ids = tokenizer(texts, padding=True, return_tensors="pt")["input_ids"][:, 1:]
    prompt = torch.tensor([tokenizer(PROMPT)["input_ids"]] * len(named))
    labels = ids.masked_fill(ids == config.pad_token_id, -100)
    return network, {"input_ids": prompt, "patch_images": pixels, "labels": labels}


def test_loss_is_that_of_the_texts_without_their_padding(lesson):
    network, batch = lesson
    network.eval()
    with torch.inference_mode():
        found = network(**batch)
        start = torch.zeros(len(batch["labels"]), 1, dtype=torch.long)
        logits = network(
            batch["input_ids"], batch["patch_images"], torch.cat([start, batch["labels"].clamp(min=0)], dim=1)[:, :-1]
        ).logits.log_softmax(-1)
    counted = batch["labels"] >= 0
    assert not counted.all()
    told = logits.gather(2, batch["labels"].clamp(min=0)[..., None])[..., 0]
    assert torch.allclose(found.loss, -told[counted].mean(), atol=1e-5)


def test_gradients_reach_what_makes_captions(lesson):
    network, batch = lesson
    network.train()
    network.zero_grad()
    network(**batch).loss.backward()
    idle = {name for name, weight in network.named_parameters() if weight.grad is None}
    assert idle == {
        name
        for name, _ in network.named_parameters()
        if name.startswith("decoder") and name.split(".")[1] in GENERATED_PICTURES
    }
    still = {name for name, weight in network.named_parameters() if name not in idle and not weight.grad.any()}
    assert not still


def test_a_few_steps_lower_the_loss(lesson):
    network, batch = lesson
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(25):
        loss = network(**batch).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
