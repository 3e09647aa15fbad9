"""Captions of pictures, by every family that is claimed to work."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.models.image_text.tiny import FAMILIES, llava
from vidal import models
from vidal.engine.errors import ConfigError
from vidal.models.image_text.captioner import joined
from vidal.models.options import Options
from vidal.models.prompts import PICTURE_PROMPT

SHORT = Options(max_tokens=12)
ANY = [name for name in FAMILIES if name != "git"]


def load(checkpoint: str, **options):
    return models.load("captioner", checkpoint, device="cpu", options=Options(**{"max_tokens": 12, **options}))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_caption_depends_on_its_own_picture(name, family, frames):
    """Whatever the company, its order, or the size of the batches; as one line of words alone."""
    model = load(family(name))
    together = model.caption_images(frames)
    assert model.caption_images(frames[::-1]) == together[::-1]
    assert [model.caption_images([frame])[0] for frame in frames] == together
    smaller = replace(model, place=replace(model.place, batch=3))
    assert smaller.caption_images(frames) == together
    assert len(set(together)) >= 6 and model.caption_images([]) == []
    for text in together:
        assert text == " ".join(text.split()) and "<|" not in text and "assistant" not in text and "[CLS]" not in text


@pytest.mark.parametrize("name", ANY)
def test_a_batch_is_its_items(name, family, frames):
    """The same inputs as the processor makes of a batch, and the same scores within 1e-4."""
    model = load(family(name))
    alone = [model.form.inputs([frame]) for frame in frames[:3]]
    batch = joined(alone)
    for key, value in processed(model.form, frames[:3]).items():
        if key != "labels":
            torch.testing.assert_close(batch[key], value, rtol=0, atol=0)
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


def scored(model, inputs):
    """The scores of the first word that is said."""
    with torch.inference_mode():
        given = {name: value.clone() for name, value in inputs.items()}
        said = model.network.generate(
            **given, do_sample=False, max_new_tokens=1, output_logits=True, return_dict_in_generate=True
        )
    return said.logits[0]


@pytest.mark.parametrize(
    ("name", "asked"),
    [("blip", None), ("blip2", None), ("florence2", "<CAPTION>"), ("paligemma", "<image>caption en"),
     ("llava", PICTURE_PROMPT), ("qwen2_vl", PICTURE_PROMPT), ("idefics3", PICTURE_PROMPT)],
)  # fmt: skip
def test_what_is_asked_without_a_prompt_of_ones_own(name, asked, family):
    assert load(family(name)).form.prompt == asked


@pytest.mark.parametrize(
    ("name", "prompt"),
    [("blip", "a red"), ("blip2", "a red"), ("git", "a red"), ("florence2", "<DETAILED_CAPTION>"),
     ("paligemma", "<image>describe"), ("llava", "a red star or two?"), ("qwen2_vl", "a red star or two?")],
)  # fmt: skip
def test_a_prompt_changes_the_caption_and_is_not_part_of_it(name, prompt, family, frames):
    asked = load(family(name), prompt=prompt).caption_images(frames)
    assert asked != load(family(name)).caption_images(frames)
    assert not any(text.startswith((prompt, "user", "What")) for text in asked)


def test_a_beginning_that_is_given_is_what_the_caption_goes_on_from(family, frames):
    """BLIP repeats it; what follows is that of the library."""
    model = load(family("blip"), prompt="a red")
    processor = model.form.processor
    inputs = processor(images=frames[:1], text=["a red"], return_tensors="pt")
    said = model.network.generate(**inputs, do_sample=False, max_new_tokens=12)
    whole = processor.decode(said[0], skip_special_tokens=True)
    assert whole.startswith("a red ") and model.caption_images(frames[:1]) == [whole.removeprefix("a red ")]


def test_without_a_chat_template_a_prompt_shows_the_picture(tmp_path, frames):
    checkpoint = str(llava(tmp_path, chat=False))
    assert len(set(load(checkpoint, prompt="USER: <image>\nwhat is it? ASSISTANT:").caption_images(frames))) > 3
    with pytest.raises(ConfigError, match="no chat template"):
        load(checkpoint)
    with pytest.raises(ConfigError, match="<image>"):
        load(checkpoint, prompt="what is it?")


def test_a_prompt_that_does_not_suit_the_model_is_refused(family):
    with pytest.raises(ConfigError, match="should be the only content"):
        load(family("florence2"), prompt="<CAPTION> of the picture")


@pytest.mark.parametrize("name", ["blip", "git", "qwen2_vl"])
def test_the_length_of_a_caption(name, family, frames):
    long, short = (
        [len(text) for text in load(family(name), max_tokens=limit).caption_images(frames)] for limit in (12, 2)
    )
    assert all(one >= other for one, other in zip(long, short, strict=True)) and sum(long) > 2 * sum(short)
