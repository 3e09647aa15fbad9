"""Names, shapes and tables that follow from a configuration, against those of the published sizes."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
import torch
from safetensors.torch import load_file

from vidal.models.ofa.config import OFAConfig
from vidal.models.ofa.model import OFAForConditionalGeneration
from vidal.models.ofa.positions import grid, image_buckets, token_buckets

SIZES = ("tiny", "medium", "base", "large", "huge")


@pytest.mark.parametrize("size", SIZES)
def test_names_and_shapes_of_the_published_sizes(parity, size):
    listing = json.loads((parity / f"keys-ofa-{size}.json").read_text())
    config = OFAConfig.preset(size)
    assert {name: getattr(config, name) for name in listing["config"]} == listing["config"]
    with torch.device("meta"):
        network = OFAForConditionalGeneration(config)
    found = {name: (list(one.shape), str(one.dtype)) for name, one in network.state_dict().items()}
    stored = listing["tensors"]
    assert found == {
        name: (one["shape"], f"torch.{one['dtype']}") for name, one in stored.items() if not one.get("derived")
    }
    (ignored,) = network._keys_to_ignore_on_load_unexpected
    assert {name for name in stored if re.search(ignored, name)} == stored.keys() - found.keys()
    shared = {name: one["same_tensor_as"] for name, one in stored.items() if "same_tensor_as" in one}
    assert shared and all(network.get_parameter(one) is network.get_parameter(other) for one, other in shared.items())
    assert sum(weight.numel() for weight in network.parameters()) == listing["unique_parameter_count"]


def test_text_buckets(parity):
    every = torch.arange(1024)
    facts = json.loads((parity / "rel-pos/facts.json").read_text())
    tables = load_file(parity / "rel-pos/tables.safetensors")
    sizes = [int(name.rsplit("_", 1)[1]) for name in facts if name.startswith("token_bucket")]
    assert len(sizes) == 5
    for size in sizes:
        found = token_buckets(every, every, size)
        fact = facts[f"token_bucket_{size}"]
        assert sha256(found) == fact["full_table_int64_row_major_sha256"]
        offsets = torch.cat([found[0].flip(0)[:-1], found[:, 0]])
        assert torch.equal(offsets, tables[f"token_bucket_{size}"].long())
        assert (found.min(), found.max()) == (fact["min"], fact["max"]) and fact["embedding_rows"] == 2 * size - 1


def test_picture_buckets(parity):
    facts = json.loads((parity / "rel-pos/facts.json").read_text())
    tables = load_file(parity / "rel-pos/tables.safetensors")
    sizes = [int(name.rsplit("_", 1)[1]) for name in facts if name.startswith("image_bucket")]
    assert 42 in sizes
    for size in sizes:
        fact = facts[f"image_bucket_{size}"]
        found = image_buckets(*grid(size, size), size)
        whole = torch.full((size * size + 1,) * 2, fact["embedding_rows"] - 3)
        whole[:, 0] += 1
        whole[0, 0] += 1
        whole[1:, 1:] = found
        assert sha256(whole) == fact["full_table_int64_row_major_sha256"]
        if f"image_bucket_{size}" in tables:
            assert torch.equal(found, tables[f"image_bucket_{size}"][1:, 1:].long())


def sha256(table: torch.Tensor) -> str:
    """Of the table as int64, little endian, row by row."""
    return hashlib.sha256(table.numpy().astype("<i8").tobytes()).hexdigest()
