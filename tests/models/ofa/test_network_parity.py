"""The network against stored results of the published implementation."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file

from vidal.models.ofa.captioner import OFAWithOriginalStopRule, normalised
from vidal.models.ofa.model import OFAForConditionalGeneration
from vidal.models.ofa.tokenizer import OFATokenizer
from vidal.models.place import place
from vidal.models.pretrained import from_folder

CASES = ("caption-small", "caption-variant")
RUNS = {
    "greedy_max16": {"num_beams": 1, "max_length": 16},
    "greedy_default": {"num_beams": 1, "max_length": 20},
    "beam5_ngram3_max16": {"num_beams": 5, "no_repeat_ngram_size": 3, "max_length": 16},
    "beam5_ngram3_default": {"num_beams": 5, "no_repeat_ngram_size": 3, "max_length": 20},
}


@pytest.fixture(scope="module", params=CASES)
def case(request, parity, tmp_path_factory):
    """A stored case: its folder, its network loaded as published checkpoints are, its inputs and outputs."""
    source = parity / request.param
    folder = tmp_path_factory.mktemp(request.param)
    shutil.copy(source / "config.json", folder)
    weights = {
        name: value.float() if value.is_floating_point() else value
        for name, value in load_file(source / "weights.safetensors").items()
    }
    torch.save(weights, folder / "pytorch_model.bin")
    network = from_folder(OFAForConditionalGeneration, folder, place("cpu"))
    return source, network, load_file(source / "inputs.safetensors"), load_file(source / "outputs.safetensors")


def near(found: torch.Tensor, expected: torch.Tensor, absolute: float = 5e-5, relative: float = 1e-5) -> None:
    torch.testing.assert_close(found, expected, atol=absolute, rtol=relative)


def test_every_stage_of_a_forward_pass(case):
    _, network, inputs, expected = case
    seen = {}
    hooks = [network.encoder.embed_images.register_forward_hook(lambda _, __, out: seen.update(resnet_features=out))]
    for side in ("encoder", "decoder"):
        for index, layer in enumerate(getattr(network, side).layers):

            def keep(_, arguments, out, side=side, index=index):
                if index == 0:
                    seen[f"{side}_hidden_states.0"] = arguments[0]
                seen[f"{side}_hidden_states.{index + 1}"] = out

            hooks.append(layer.register_forward_hook(keep))
    with torch.inference_mode():
        encoded = network.encoder(inputs["input_ids"], inputs["patch_images"])
        logits = network(encoder_outputs=encoded, decoder_input_ids=inputs["decoder_input_ids"]).logits
    for hook in hooks:
        hook.remove()
    assert torch.equal(encoded.padding_mask, expected["encoder_padding_mask"])
    assert encoded.padding_mask.any()
    near(seen["resnet_features"], expected["resnet_features"], absolute=2e-4)
    positions = encoded.position_embedding.expand_as(expected["encoder_position_embedding"])
    near(positions, expected["encoder_position_embedding"])
    near(encoded.last_hidden_state, expected["encoder_last_hidden_state"])
    near(logits, expected["logits"])
    layers = [name for name in expected if "hidden_states." in name]
    assert len(layers) == network.config.encoder_layers + network.config.decoder_layers + 2
    for name in layers:
        near(seen[name], expected[name])


def test_position_biases(case):
    _, network, inputs, expected = case
    seen = {}

    def keep(name, argument):
        return lambda _, arguments: seen.update({name: arguments[argument][0]})

    hooks = []
    for side, argument, name in (
        ("encoder", 1, "attn_bias"),
        ("decoder", 1, "self_attn_bias"),
        ("decoder", 3, "cross_attn_bias"),
    ):
        for index, layer in enumerate(getattr(network, side).layers):
            hooks.append(layer.register_forward_pre_hook(keep(f"{side}.layers.{index}.{name}", argument)))
    unpadded = torch.full_like(inputs["input_ids"][:1], 4)
    with torch.inference_mode():
        network(unpadded, inputs["patch_images"][:1], inputs["decoder_input_ids"][:1])
    for hook in hooks:
        hook.remove()
    biases = {name.removeprefix("bias_row0."): value for name, value in expected.items() if name.startswith("bias")}
    assert len(biases) == 4
    for name, bias in biases.items():
        if name.endswith("self_attn_bias"):
            later = torch.ones(bias.shape[-2:], dtype=torch.bool).triu(1)
            assert (seen[name].masked_select(later) == torch.finfo(torch.float32).min).all()
            near(seen[name].masked_fill(later, 0.0), bias.masked_fill(later, 0.0))
        else:
            near(seen[name], bias)


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("compat", [False, True])
def test_generation_is_met_token_for_token(case, compat, run, cached):
    """With `compat` the original's own results, without it those of its logits through transformers 5.23."""
    folder, network, inputs, _ = case
    stored = json.loads((folder / "generation.json").read_text())
    expected = stored["hf_generate" if compat else "same_logits_through_transformers_5_23_0"][run]
    if compat:
        weights, network = network.state_dict(), OFAWithOriginalStopRule(network.config).eval()
        network.load_state_dict(weights)
    found = network.generate(
        input_ids=inputs["input_ids"], patch_images=inputs["patch_images"], use_cache=cached, output_scores=True,
        return_dict_in_generate=True, **RUNS[run],
    )  # fmt: skip
    assert found.sequences.tolist() == expected["sequences"]
    if "sequences_scores" in expected:
        near(found.sequences_scores, torch.tensor(expected["sequences_scores"]), absolute=1e-4)
    if "decoded_skip_special_tokens" in expected:
        tokenizer = OFATokenizer.from_pretrained(folder)
        told = tokenizer.batch_decode(found.sequences, skip_special_tokens=True)
        assert told == expected["decoded_skip_special_tokens"]


def test_prompts_of_the_cases(case):
    folder, _, inputs, _ = case
    stored = json.loads((folder / "generation.json").read_text())
    tokenizer = OFATokenizer.from_pretrained(folder)
    assert tokenizer(stored["prompts"])["input_ids"] == stored["prompt_token_ids"]
    assert tokenizer(stored["prompts"], padding=True)["input_ids"] == inputs["input_ids"].tolist()


def test_the_stored_input_is_the_normalised_picture(case):
    _, _, inputs, _ = case
    assert torch.equal(normalised(inputs["patch_images_uint8"].permute(0, 2, 3, 1)), inputs["patch_images"])
