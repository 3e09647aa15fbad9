"""Captions of pictures, by every family that is claimed to work."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import replace

import pytest
import torch

from tests.models.image_text.tiny import FAMILIES, llava, scored
from vidal import models
from vidal.engine.errors import ConfigError
from vidal.models.image_text.captioner import joined, moved
from vidal.models.length import caption_length
from vidal.models.options import Options
from vidal.models.place import place
from vidal.models.prompts import PICTURE_PROMPT

ANY = [name for name in FAMILIES if name != "git"]
ROLE = "captioner"


def load(checkpoint: str, **options):
    return models.load(ROLE, checkpoint, device="cpu", options=Options(**options))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_caption_depends_on_its_own_picture(name, captioner, frames):
    """Whatever the company, its order, or the size of the batches; as one line of words alone."""
    model = captioner(ROLE, name)
    together = model.caption_images(frames)
    assert model.caption_images(frames[::-1]) == together[::-1]
    assert [model.caption_images([frames[one]])[0] for one in (1, -1)] == [together[1], together[-1]]
    smaller = replace(model, place=replace(model.place, batch=3))
    assert smaller.caption_images(frames) == together
    assert len(set(together)) >= 5 and model.caption_images([]) == []
    for text in together:
        assert text == " ".join(text.split()) and "<|" not in text and "assistant" not in text and "[CLS]" not in text


@pytest.mark.parametrize("name", ANY)
def test_a_batch_is_its_items(name, captioner, frames):
    """The same inputs as the processor makes of a batch, and the same scores within 1e-4."""
    model = captioner(ROLE, name)
    alone = [model.form.inputs([frame]) for frame in frames[:3]]
    batch = joined(alone)
    for key, value in processed(model.form, frames[:3]).items():
        if key != "labels":
            torch.testing.assert_close(batch[key], value, rtol=0, atol=0)
    assert "labels" not in batch, "nobody learns here"
    scores = scored(model, batch)
    for row, one in enumerate(alone):
        torch.testing.assert_close(scored(model, one)[0], scores[row], atol=1e-4, rtol=0)
    assert scores.std() > 0.1


def processed(form, frames):
    """What the processor makes of several pictures at once."""
    from PIL import Image

    pictures = [Image.fromarray(frame) for frame in frames]
    if form.processor.chat_template is None:
        text = {} if form.prompt is None else {"text": [form.prompt] * len(pictures)}
        return form.processor(images=pictures, return_tensors="pt", **text)
    asked = {"type": "text", "text": form.prompt}
    chats = [[{"role": "user", "content": [{"type": "image", "image": picture}, asked]}] for picture in pictures]
    return form.processor.apply_chat_template(
        chats, tokenize=True, return_dict=True, add_generation_prompt=True, return_tensors="pt"
    )


@pytest.mark.parametrize(
    ("name", "asked"),
    [("blip", None), ("blip2", None), ("florence2", "<CAPTION>"), ("paligemma", "<image>caption en"),
     ("llava", PICTURE_PROMPT), ("qwen2_vl", PICTURE_PROMPT), ("idefics3", PICTURE_PROMPT)],
)  # fmt: skip
def test_what_is_asked_without_a_prompt_of_ones_own(name, asked, captioner):
    assert captioner(ROLE, name).form.prompt == asked


@pytest.mark.parametrize(
    ("name", "prompt"),
    [("blip", "a red"), ("blip2", "a red"), ("git", "a red"), ("florence2", "<DETAILED_CAPTION>"),
     ("paligemma", "<image>describe"), ("llava", "a red star or two?"), ("qwen2_vl", "a red star or two?")],
)  # fmt: skip
def test_a_prompt_changes_the_caption_and_is_not_part_of_it(name, prompt, captioner, frames):
    said = captioner(ROLE, name, prompt).caption_images(frames[:4])
    assert said != captioner(ROLE, name).caption_images(frames[:4])
    assert not any(text.startswith((prompt, "user", "What")) for text in said)


def test_a_beginning_that_is_given_is_what_the_caption_goes_on_from(captioner, frames):
    """BLIP repeats it; what follows is that of the library."""
    model = captioner(ROLE, "blip", "a red")
    processor = model.form.processor
    inputs = processor(images=frames[:1], text=["a red"], return_tensors="pt")
    said = model.network.generate(**inputs, do_sample=False, max_new_tokens=6)
    whole = processor.decode(said[0], skip_special_tokens=True)
    assert whole.startswith("a red ") and model.caption_images(frames[:1]) == [whole.removeprefix("a red ")]


def test_without_a_chat_template_a_prompt_shows_the_picture(tmp_path, frames):
    checkpoint = str(llava(tmp_path, chat=None))
    asked = load(checkpoint, prompt="USER: <image>\nwhat is it? ASSISTANT:", max_tokens=6)
    assert len(set(asked.caption_images(frames))) > 3
    with pytest.raises(ConfigError, match="no chat template"):
        load(checkpoint)
    with pytest.raises(ConfigError, match="<image>"):
        load(checkpoint, prompt="what is it?")


def test_a_prompt_that_does_not_suit_the_model_is_refused(family):
    with pytest.raises(ConfigError, match="should be the only content"):
        load(family("florence2"), prompt="<CAPTION> of the picture")


@pytest.mark.parametrize("name", ["blip", "git", "qwen2_vl"])
def test_the_length_of_a_caption(name, family, captioner, frames):
    longer, shorter = captioner(ROLE, name), load(family(name), max_tokens=2)
    lengths = [len("".join(model.caption_images(frames[:4]))) for model in (longer, shorter)]
    assert lengths[0] > lengths[1] > 0


def test_the_length_that_a_checkpoint_names(family):
    network = load(family("llava")).network
    lengths = []
    for limit in ({}, {"max_new_tokens": 30}, {"max_length": 20}, {"max_new_tokens": 4096}):
        network.generation_config.update(**{"max_new_tokens": None, "max_length": None, **limit})
        lengths.append(caption_length(network, Options()))
    assert lengths == [128, 30, 20, 128] and caption_length(network, Options(max_tokens=300)) == 300


@pytest.mark.parametrize("name", ANY)
def test_half_precision_is_near_float32(name, family, captioner, frames):
    """CUDA's default, on the CPU: whatever casts an input wrongly shows here."""
    exact, rough = captioner(ROLE, name), models.load(ROLE, family(name), device="cpu", dtype="bfloat16")
    assert all(isinstance(text, str) for text in replace(rough, max_tokens=3).caption_images(frames[:2]))
    inputs = exact.form.inputs(frames[:1])
    halved = {key: moved(value, rough.place) for key, value in inputs.items()}
    gap = scored(exact, inputs) - scored(rough, halved).float()
    assert 0.0 < gap.abs().mean() < 0.1 * scored(exact, inputs).std()


def test_pictures_alone_are_given_in_the_precision_of_the_network():
    given = torch.zeros(1, 3, 4, 4), torch.zeros(2), torch.ones(1, 5, dtype=torch.long)
    kinds = [moved(value, place("cpu", "bfloat16")).dtype for value in given]
    assert kinds == [torch.bfloat16, torch.float32, torch.long] and moved(["a"], place("cpu")) == ["a"]


def test_no_code_of_a_checkpoint_runs(family, tmp_path):
    folder = shutil.copytree(family("llava"), tmp_path / "changed")
    mark = tmp_path / "ran"
    (folder / "own.py").write_text(f"open({str(mark)!r}, 'w')\n")
    for name in ("config.json", "processor_config.json", "tokenizer_config.json"):
        known = json.loads((folder / name).read_text())
        own = {one: f"own.{one}" for one in ("AutoConfig", "AutoModelForImageTextToText", "AutoProcessor")}
        (folder / name).write_text(json.dumps({**known, "auto_map": {**own, "AutoTokenizer": ["own.A", "own.B"]}}))
    with suppress(ConfigError):
        load(str(folder))
    assert not mark.exists()
    config = {**json.loads((folder / "config.json").read_text()), "model_type": "own"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match="of the type own, no image-text-to-text model that transformers brings"):
        load(str(folder))
    assert not mark.exists()
