"""A batch in one piece: what becomes of a sample does not depend on what it travels with."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from tests.train.data.world import VISION, clip, folder, loader, picture
from vidal.train.data.packed import pack
from vidal.train.modalities import Decoded, modalities, modality

CPU = torch.device("cpu")


def decoded(name, number, rng=None, members=None):
    members = members or clip(number)
    series = {member: members[member] for member in modality(name).series(members)}
    return modality(name).decode(series, json.loads(members["json"]), None, rng, VISION)


@pytest.mark.parametrize("name", sorted(modalities()))
@pytest.mark.parametrize("together", [1, 1 << 28])
def test_a_batch_is_prepared_as_its_samples_are_alone(name, together, monkeypatch):
    """Samples of one size and of others, drawn as in training, each by itself and all at once."""
    monkeypatch.setattr("vidal.train.data.packed.TOGETHER", together)
    made = [decoded(name, number, np.random.default_rng(number)) for number in range(5)]
    odd = {**clip(9), **{f"{series}{n}.jpg": picture(n, n, 72, 56) for series in ("frm", "tml") for n in range(8)}}
    made.insert(2, decoded(name, 9, members=odd))
    alone = torch.stack([modality(name).finished(one, VISION) for one in made])
    assert torch.equal(pack(made).prepared(modality(name), VISION, CPU), alone)
    some = pack(made[:2])
    assert len(some) == 2 and torch.equal(some.prepared(modality(name), VISION, CPU), alone[:2])


@pytest.mark.parametrize("name", sorted(modalities()))
def test_a_batch_is_prepared_on_a_gpu_alone(name):
    """Tensors without content, which know their device and refuse to meet another's or to be looked into, tell that no
    step of it needs the CPU: one that did would fail on a GPU, or wait for it."""
    cuda = torch.device("cuda", 0)
    made = [decoded(name, number, np.random.default_rng(number)) for number in range(3)]
    odd = {**clip(9), **{f"{series}{n}.jpg": picture(n, n, 72, 56) for series in ("frm", "tml") for n in range(8)}}
    raw = pack([*made, decoded(name, 9, members=odd)])
    with FakeTensorMode() as fake:
        content = fake.from_tensor(raw.content)
        found = replace(raw, content=content).prepared(modality(name), VISION, cuda)
        assert found.device == cuda and found.dtype == torch.float32
        with pytest.raises(RuntimeError, match="devices"):
            found + content[:1]
    assert found.shape == raw.prepared(modality(name), VISION, CPU).shape


def test_what_is_finished_and_what_is_not_go_together():
    one, other = decoded("image", 1), decoded("image", 2)
    done = modality("image").finished(other, VISION)
    whole = pack([one, done, one]).prepared(modality("image"), VISION, CPU)
    assert torch.equal(whole[1], done) and torch.equal(whole[0], whole[2]) and not torch.equal(whole[0], done)


def test_a_batch_is_one_tensor_of_bytes_and_its_samples_are_aligned():
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, (1 + n, 3, 3), np.uint8) for n in range(4)]
    packed = pack([Decoded([array, array]) for array in arrays])
    assert packed.content.dtype == torch.uint8 and all(start % 16 == 0 for start, _ in packed.spans)
    for array, (start, size) in zip(arrays, packed.spans, strict=True):
        assert packed.content[start : start + size].numpy().tobytes() == array.tobytes() * 2


@pytest.mark.parametrize("workers", [0, 1])
def test_large_pictures_travel_as_their_tower_takes_them(tmp_path, workers):
    """48 x 40 pixels are fewer bytes than the tower's 32 x 32 in float32; 120 x 88 are more."""
    sizes = [(40, 48), (88, 120)]
    place = folder(
        tmp_path, (4,), lambda number: {"jpg": picture(number, 0, *sizes[number % 2]), "txt": str(number).encode()}
    )
    (raw,) = islice(loader(place, workers=workers).raw(), 1)
    assert {int(text): form.decoded for text, form in zip(raw.texts, raw.media.forms, strict=True)} == {
        0: True, 1: False, 2: True, 3: False,
    }  # fmt: skip
    assert raw.media.content.is_shared() is bool(workers)
    batch = next(iter(loader(place, workers=workers)))
    for text, pixels in zip(batch.texts, batch.pixels, strict=True):
        jpg = picture(int(text), 0, *sizes[int(text) % 2])
        assert torch.equal(pixels, modality("image").read({"jpg": jpg}, {}, None, None, VISION))
