"""Texts to ids and pictures to pixels, against those of the published implementation."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from vidal.models.ofa.captioner import PROMPT, normalised, resized
from vidal.models.ofa.config import OFAConfig
from vidal.models.ofa.tokenizer import OFATokenizer


@pytest.fixture(scope="module", params=["published", "saved again"])
def tokenizer(request, parity, tmp_path_factory):
    published = OFATokenizer.from_pretrained(parity / "tokenizer")
    if request.param == "published":
        return published
    folder = tmp_path_factory.mktemp("tokenizer")
    published.save_pretrained(folder)
    return OFATokenizer.from_pretrained(folder)


def test_layout_of_the_vocabulary(parity, tokenizer):
    layout = json.loads((parity / "tokenizer/pairs.json").read_text())["layout"]
    assert len(tokenizer) == layout["length_including_added"]
    assert tokenizer.vocab_size == layout["base_vocab_size"]
    assert {token: tokenizer.convert_tokens_to_ids(token) for token in layout["ids"]} == layout["ids"]
    assert tokenizer.padding_side == layout["padding_side"]


def test_layout_of_the_full_vocabulary(parity):
    layout = json.loads((parity / "tokenizer/full-size-facts.json").read_text())["layout"]
    base = layout["base_vocab_size"]
    names = ["<s>", "<pad>", "</s>", "<unk>", *(f"piece{index}" for index in range(4, base - 1)), "<mask>"]
    tokenizer = OFATokenizer(vocab={name: index for index, name in enumerate(names)}, merges=[])
    assert len(tokenizer) == layout["length_including_added"] == OFAConfig().vocab_size
    assert {token: tokenizer.convert_tokens_to_ids(token) for token in layout["ids"]} == layout["ids"]


def test_texts_to_ids_and_back(parity, tokenizer):
    stored = json.loads((parity / "tokenizer/pairs.json").read_text())
    for one in stored["encode"]:
        ids = tokenizer(one["text"])["input_ids"]
        assert ids == one["input_ids"]
        assert tokenizer.convert_ids_to_tokens(ids) == one["tokens"]
        assert tokenizer.decode(ids, skip_special_tokens=True) == one["decode_skip_special_tokens"]
        assert tokenizer.decode(ids) == one["decode_keep_special_tokens"]
        plain = tokenizer.batch_decode([ids], skip_special_tokens=True, clean_up_tokenization_spaces=False)
        assert plain == [one["batch_decode_skip_special_tokens_no_cleanup"]]
    for one in stored["decode_only"]:
        assert tokenizer.decode(one["ids"], skip_special_tokens=True) == one["skip_special_tokens"]
        assert tokenizer.decode(one["ids"]) == one["keep_special_tokens"]
    batch = stored["padded_batch"]
    found = tokenizer(batch["texts"], padding=True)
    assert found["input_ids"] == batch["input_ids"] and found["attention_mask"] == batch["attention_mask"]
    assert stored["encode"][0]["text"] == PROMPT


def test_pictures_to_pixels(parity):
    stored = load_file(parity / "preprocess/preprocess.safetensors")
    names = {name.split(".")[0] for name in stored}
    assert len(names) == 4
    for name in names:
        expected = stored[f"{name}.resized_uint8_hwc"]
        found = resized(stored[f"{name}.frame_uint8_hwc"].numpy(), len(expected))
        assert np.array_equal(found, expected.numpy())
        tensor = normalised(torch.from_numpy(found)[None])[0]
        whole = stored.get(f"{name}.tensor")
        assert (
            torch.equal(tensor, whole)
            if whole is not None
            else torch.equal(tensor[:, :64, :64], stored[f"{name}.tensor_corner_64"])
        )
