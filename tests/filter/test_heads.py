"""Linear heads over stored embeddings."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vidal import models
from vidal.engine.attempt import Retry, attempt
from vidal.engine.errors import ConfigError, MissingError
from vidal.engine.step import Sample
from vidal.filter.clip import ClipScore
from vidal.filter.config import ClipConfig, FilterConfig, HeadConfig
from vidal.filter.heads import Heads

BIAS = torch.tensor([5.0])


@pytest.fixture
def liking(videos, scored, tmp_path):
    """A head that points from the other clips to the first one, its step, and the embeddings of all."""
    clip = ClipScore(ClipConfig(checkpoint="demo:clip"))
    clip.setup()
    stored = {id_: columns["clip_embedding"] for id_, columns in scored(clip, videos).items()}
    first, *others = (embedding.astype(np.float32) for embedding in stored.values())
    weight = torch.from_numpy(first - np.mean(others, axis=0))[None]
    torch.save({"weight": weight, "bias": BIAS}, tmp_path / "liked.pth")
    save_file({"weight": -weight, "bias": -BIAS}, tmp_path / "disliked.safetensors")
    step = Heads("clip", [config(tmp_path, "liked.pth"), config(tmp_path, "disliked.safetensors")])
    step.setup()
    return step, weight.numpy()[0], stored


def config(folder, name, over="clip"):
    return HeadConfig(name=name.partition(".")[0], over=over, checkpoint=str(folder / name))


def given(id_, embedding, over="clip"):
    return Sample(id_, "video", {f"{over}_embedding": embedding})


def test_each_head_is_a_column_of_its_values(liking, scored):
    step, weight, stored = liking
    found = scored(step, [given(id_, embedding.tolist()) for id_, embedding in stored.items()])
    assert step.columns.keys() == {"liked", "disliked"}
    for id_, embedding in stored.items():
        expected = float(np.sum(weight * embedding.astype(np.float32))) + 5.0
        assert found[id_] == pytest.approx({"liked": expected, "disliked": -expected}, abs=1e-5)
    assert max(found, key=lambda id_: found[id_]["liked"]) == next(iter(stored))


def test_where_there_is_no_embedding_there_is_no_score(liking, scored):
    step, _, stored = liking
    found = scored(step, [given("none", None), given("some", next(iter(stored.values())))])
    assert found["none"] == {"liked": None, "disliked": None} and found["some"]["liked"] is not None


def test_heads_read_embeddings_alone_and_those_over_sounds_are_a_step_of_their_own():
    over_clip, over_clap = (Heads(over, []) for over in ("clip", "clap"))
    assert (over_clip.name, over_clap.name) == ("filter/clip_heads", "filter/clap_heads")
    assert over_clip.kinds == {"video"} and over_clap.kinds == {"video", "audio"}
    for step, over in ((over_clip, "clip"), (over_clap, "clap")):
        assert [(read.step, read.columns, read.members) for read in step.reads] == [
            (f"filter/{over}", (f"{over}_embedding",), ())
        ]


def test_a_head_of_another_width_ends_the_build_with_one_message(liking, tmp_path):
    save_file({"weight": torch.zeros(1, 768), "bias": BIAS}, tmp_path / "large.safetensors")
    step = Heads("clip", [config(tmp_path, "large.safetensors")])
    step.setup()
    with pytest.raises(
        ConfigError, match=r"the head large, .*is for embeddings of 768 numbers, .*filter/clip have 128"
    ):
        attempt(step, [given(id_, embedding) for id_, embedding in liking[2].items()], Retry(attempts=1))


def test_the_content_of_a_head_is_its_settings(tmp_path):
    file = tmp_path / "liked.safetensors"
    save_file({"weight": torch.zeros(1, 4), "bias": BIAS}, file)
    before = Heads("clip", [config(tmp_path, "liked.safetensors")]).settings()
    assert before == {"liked": models.identity(str(file))}
    save_file({"weight": torch.ones(1, 4), "bias": BIAS}, file)
    assert Heads("clip", [config(tmp_path, "liked.safetensors")]).settings() != before


def test_an_absent_head_is_named(tmp_path):
    with pytest.raises(MissingError, match=r"absent\.pth' does not exist"):
        Heads("clip", [config(tmp_path, "absent.pth")]).setup()


def test_two_heads_of_one_name_are_a_mistake_in_the_file(tmp_path):
    heads = (config(tmp_path, "liked.pth"), config(tmp_path, "liked.safetensors", over="clap"))
    with pytest.raises(ValueError, match="two heads have the name liked"):
        FilterConfig(heads=heads)
