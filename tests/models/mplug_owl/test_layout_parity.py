"""Names and shapes that follow from a configuration, against those of the published sizes."""

from __future__ import annotations

import json

import pytest
import torch

from vidal.models.mplug_owl.config import MplugOwlConfig
from vidal.models.mplug_owl.model import MplugOwlForConditionalGeneration

PARTS = {"vision": "vision_config", "abstractor": "visual_abstractor_config", "text": "text_config"}


@pytest.mark.parametrize(
    ("listing", "temporal", "inner"),
    [("mplug-owl-7b", False, 2816), ("mplug-owl-7b-video", True, 2816), ("mplug-owl-7b-video", True, 4096)],
)
def test_names_and_shapes_of_the_published_sizes(parity, listing, temporal, inner):
    stored = json.loads((parity / f"keys-{listing}.json").read_text())
    config = MplugOwlConfig(temporal=temporal, visual_abstractor_config={"intermediate_size": inner})
    for part, name in PARTS.items():
        given = {**stored["config"][part], **({"intermediate_size": inner} if part == "abstractor" else {})}
        assert {key: getattr(getattr(config, name), key) for key in given} == given
    assert config.num_query_tokens == stored["config"]["num_query_tokens"]
    with torch.device("meta"):
        network = MplugOwlForConditionalGeneration(config)
    found = {name: list(one.shape) for name, one in network.state_dict().items()}
    expected = {name: one["shape"] for name, one in stored["tensors"].items() if not one.get("derived")}
    assert found == expected
    assert all(name.endswith("rotary_emb.inv_freq") for name in stored["tensors"].keys() - found.keys())
    assert sum(weight.numel() for weight in network.parameters()) == stored["parameter_count"]


@pytest.mark.parametrize("case", ["image-small", "video-small", "video-variant"])
def test_names_and_shapes_of_the_small_cases(parity, case):
    """The rule for the abstractor's width, from the configuration alone."""
    config = MplugOwlConfig.from_pretrained(parity / case)
    config.temporal = case.startswith("video")
    with torch.device("meta"):
        network = MplugOwlForConditionalGeneration(config)
    stored = json.loads((parity / case / "keys.json").read_text())
    found = {name: list(one.shape) for name, one in network.state_dict().items()}
    assert found == {name: one["shape"] for name, one in stored.items() if "rotary_emb" not in name}
