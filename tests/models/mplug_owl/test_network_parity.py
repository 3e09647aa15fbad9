"""Every stage of the network, and what it says, against the stored results of the published implementation."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager

import pytest
import torch
from safetensors.torch import load_file

from vidal.models.mplug_owl.model import MplugOwlForConditionalGeneration
from vidal.models.mplug_owl.words import load_words
from vidal.models.place import place
from vidal.models.pretrained import from_folder

SAMPLES = [
    ("image-small", 0),
    ("image-small", 1),
    ("video-small", 0),
    ("video-variant", 0),
    ("video-variant", 1),
    ("video-variant", 2),
]
ARGUMENTS = ("input_ids", "attention_mask", "pixel_values", "video_pixel_values")


@pytest.fixture(scope="module")
def networks(parity, tmp_path_factory):
    """Loads each case once, as the published file lies there."""
    loaded = {}

    def load(case: str) -> MplugOwlForConditionalGeneration:
        if case not in loaded:
            folder = tmp_path_factory.mktemp(case)
            shutil.copy(parity / case / "config.json", folder)
            shutil.copy(parity / case / "weights.safetensors", folder / "model.safetensors")
            loaded[case] = from_folder(MplugOwlForConditionalGeneration, folder, place("cpu"))
        return loaded[case]

    return load


@pytest.fixture(params=SAMPLES, ids=lambda one: f"{one[0]}-{one[1]}")
def sample(request, parity, networks):
    """A network, the arguments of a call, what is stored of it, and its entry in generation.json."""
    case, number = request.param
    stem = f"sample{number}."
    inputs, outputs = (load_file(parity / case / f"{name}.safetensors") for name in ("inputs", "outputs"))
    arguments = {name: inputs[stem + name] for name in ARGUMENTS if stem + name in inputs}
    told = json.loads((parity / case / "generation.json").read_text())
    expected = {name.removeprefix(stem): value for name, value in outputs.items() if name.startswith(stem)}
    return networks(case), arguments, expected, told["samples"][number]


def near(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=5e-5, rtol=1e-5)


@contextmanager
def watched(network):
    """What leaves each part of the network, by its name in outputs.safetensors."""
    seen: dict[str, torch.Tensor] = {}
    vision = network.vision_model
    parts = {"vision_hidden_states.0": vision.embeddings, "vision_last_hidden_state": vision.post_layernorm}
    parts |= {f"vision_hidden_states.{index + 1}": layer for index, layer in enumerate(vision.encoder.layers)}
    parts |= {f"abstractor_layer.{index}": one for index, one in enumerate(network.abstractor.encoder.layers)}
    parts |= {"abstractor_output": network.abstractor, "llm_last_hidden_state": network.language_model.model.norm}
    if network.config.temporal:
        parts["vision_temporal_branch.0"] = vision.encoder.layers[0].temporal
    hooks = [
        part.register_forward_hook(lambda _, __, out, name=name: seen.update({name: out}))
        for name, part in parts.items()
    ]
    yield seen
    for hook in hooks:
        hook.remove()


def test_every_stage_of_a_forward_pass(sample):
    network, arguments, expected, _ = sample
    with torch.inference_mode(), watched(network) as seen:
        seen["logits"] = network(**arguments).logits
        media = {name: value for name, value in arguments.items() if name != "attention_mask"}
        seen["inputs_embeds"] = network.embed(**media)
    assert torch.equal(arguments["attention_mask"], expected["attention_mask"])
    compared = expected.keys() - {"attention_mask", "generated_ids", "vision_pooler_output"}
    assert compared <= seen.keys()
    assert seen.keys() - compared <= {"vision_temporal_branch.0"}
    for name in compared:
        near(seen[name].reshape(expected[name].shape), expected[name])


def test_the_pooled_vector_is_what_the_tower_s_facts_make_of_it(sample):
    network, arguments, expected, _ = sample
    with torch.inference_mode(), watched(network) as seen:
        network(**arguments)
        of_class = seen["vision_last_hidden_state"][:, 0].reshape(
            len(expected["vision_pooler_output"]), -1, seen["vision_last_hidden_state"].shape[-1]
        )
        near(network.vision_model.post_layernorm(of_class.mean(1)), expected["vision_pooler_output"])


@pytest.mark.parametrize("cached", [True, False])
def test_generation_is_met_token_for_token(sample, cached):
    network, arguments, expected, told = sample
    found = network.generate(**arguments, do_sample=False, max_new_tokens=12, use_cache=cached)
    assert found[0].tolist() == told["new_token_ids"] == expected["generated_ids"][0, 1:].tolist()


def test_generation_is_the_same_among_padding_and_neighbours(sample):
    network, arguments, _, told = sample
    ids, pixels = arguments["input_ids"], {name: value for name, value in arguments.items() if "pixel" in name}
    padded = torch.nn.functional.pad(ids, (37, 0), value=2).expand(3, -1)
    mask = torch.nn.functional.pad(torch.ones_like(ids), (37, 0)).expand(3, -1)
    media = {name: torch.cat([value] * 3) for name, value in pixels.items()}
    found = network.generate(padded, mask, **media, do_sample=False, max_new_tokens=12)
    assert found.tolist() == [told["new_token_ids"]] * 3


def test_prompt_and_text_of_the_cases(parity, sample):
    network, arguments, _, told = sample
    case = next(
        case for case, _ in SAMPLES if told in json.loads((parity / case / "generation.json").read_text())["samples"]
    )
    words = load_words(parity / case)
    ids = words.prompt(told["prompt"], network.config.medium_length)
    assert ids == told["input_ids"] == arguments["input_ids"][0].tolist()
    assert words.decode(told["new_token_ids"]) == told["decoded_skip_special"]


def test_teacher_forced_loss(parity, networks):
    inputs, outputs = (load_file(parity / f"image-small/{name}.safetensors") for name in ("inputs", "outputs"))
    given = {
        name.removeprefix("teacher_forced."): value for name, value in inputs.items() if name.startswith("teacher")
    }
    counted = given["non_padding_mask"] * given["non_media_mask"] * given["prompt_mask"]
    labels = given["input_ids"].clone()
    labels[:, 0] = -100
    labels[:, 1:][counted == 0] = -100
    assert 0 < (labels != -100).sum() < labels.numel()
    with torch.inference_mode():
        told = networks("image-small")(given["input_ids"], pixel_values=inputs["sample0.pixel_values"], labels=labels)
    near(told.logits[:, -8:], outputs["teacher_forced.logits_last8"])
    near(told.loss[None], outputs["teacher_forced.loss"])
