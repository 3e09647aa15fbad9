"""What is stored in files of weights, read without the values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from vidal.models.headers import files, stored, zeros

WEIGHTS = {
    "a.weight": torch.arange(6.0).reshape(2, 3),
    "b.half": torch.ones(4, dtype=torch.bfloat16),
    "c.count": torch.tensor(7),
}
EXPECTED = {
    "a.weight": ((2, 3), torch.float32),
    "b.half": ((4,), torch.bfloat16),
    "c.count": ((), torch.int64),
}


def safe(folder: Path) -> None:
    save_file(WEIGHTS, folder / "model.safetensors")


def pickled(folder: Path) -> None:
    torch.save(WEIGHTS, folder / "pytorch_model.bin")


def pickled_long_ago(folder: Path) -> None:
    torch.save(WEIGHTS, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)


def in_shards(folder: Path) -> None:
    names = sorted(WEIGHTS)
    places = {name: f"model-{number}.safetensors" for number, name in enumerate(names)}
    for name, file in places.items():
        save_file({name: WEIGHTS[name]}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))


@pytest.mark.parametrize("form", [safe, pickled, pickled_long_ago, in_shards])
def test_names_shapes_and_precisions_of_every_form(form, tmp_path):
    form(tmp_path)
    assert stored(tmp_path) == EXPECTED


def test_zeros_have_the_shapes_and_take_no_memory(tmp_path):
    pickled(tmp_path)
    found = zeros(tmp_path, torch.float16)
    assert {name: tuple(one.shape) for name, one in found.items()} == {
        name: shape for name, (shape, _) in EXPECTED.items()
    }
    assert [found[name].dtype for name in WEIGHTS] == [torch.float16, torch.float16, torch.int64]
    assert not any(one.any() for one in found.values())
    assert all(one.untyped_storage().nbytes() == one.element_size() for one in found.values())


def test_a_folder_without_weights_and_an_index_that_leaves_it_are_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no weights"):
        files(tmp_path)
    places = {"a.weight": "../elsewhere.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    with pytest.raises(ValueError, match=r"outside its folder: \.\./elsewhere"):
        files(tmp_path)
