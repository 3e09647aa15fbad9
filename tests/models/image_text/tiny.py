"""Tiny random captioners of transformers, each of its real class and stored with its real processor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from tests.tiny import saved

TEXT = "describe image video in one or two sentences . a red green blue circle square star moves left right of it"
SHAPE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
VISION = {**SHAPE, "image_size": 28, "patch_size": 14}
DECODER = {**SHAPE, "num_key_value_heads": 2, "max_position_embeddings": 2048, "pad_token_id": 0, "bos_token_id": 1,
           "eos_token_id": 2}  # fmt: skip
SIDE = {"height": 28, "width": 28}


def template(image: str, video: str = "") -> str:
    """A chat template in the form of ChatML that shows media by these tokens."""
    return (
        "{% for message in messages %}<|start|>{{ message['role'] }}\n{% for part in message['content'] %}"
        f"{{% if part['type'] == 'image' %}}{image}{{% elif part['type'] == 'video' %}}{video}"
        "{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
    )


def blip(folder: Path) -> Path:
    """Two towers and a decoder; a prompt is the beginning of the caption."""
    words = bert()
    text = {**SHAPE, "vocab_size": len(words), "max_position_embeddings": 256, "pad_token_id": 0, "sep_token_id": 3,
            "bos_token_id": 5, "eos_token_id": 3, "encoder_hidden_size": 32, "projection_dim": 16}  # fmt: skip
    config = hf.BlipConfig(text_config=text, vision_config=VISION, projection_dim=16)
    return stored(
        folder, hf.BlipForConditionalGeneration(config), hf.BlipProcessor(pictures(hf.BlipImageProcessor), words)
    )


def blip2(folder: Path) -> Path:
    """An OPT behind queries."""
    words = byte_pairs("<image>")
    text = {"model_type": "opt", "vocab_size": len(words), "hidden_size": 32, "ffn_dim": 48, "num_hidden_layers": 2,
            "num_attention_heads": 4, "max_position_embeddings": 128, "word_embed_proj_dim": 32, "pad_token_id": 0,
            "bos_token_id": 1, "eos_token_id": 2}  # fmt: skip
    config = hf.Blip2Config(
        text_config=text, vision_config=VISION, num_query_tokens=3,
        image_token_index=words.convert_tokens_to_ids("<image>"),
        qformer_config={**SHAPE, "vocab_size": 10, "encoder_hidden_size": 32, "cross_attention_frequency": 1},
    )  # fmt: skip
    processor = hf.Blip2Processor(pictures(hf.BlipImageProcessor), words, num_query_tokens=3)
    return stored(folder, hf.Blip2ForConditionalGeneration(config), processor)


def git(folder: Path, frames: int | None = None) -> Path:
    """A decoder that reads pictures before words; with `frames`, so many pictures of a clip."""
    words = bert()
    config = hf.GitConfig(
        vision_config=VISION, **SHAPE, vocab_size=len(words), max_position_embeddings=256, pad_token_id=0,
        bos_token_id=2, eos_token_id=3, num_image_with_embedding=frames,
    )  # fmt: skip
    processor = hf.GitProcessor(pictures(hf.CLIPImageProcessor, crop_size=SIDE), words)
    return stored(folder, hf.GitForCausalLM(config), processor)


def florence2(folder: Path) -> Path:
    """Encoder and decoder, asked by a task's name."""
    words = byte_pairs(image_token="<image>")
    text = {"vocab_size": len(words), "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 48,
            "decoder_ffn_dim": 48, "encoder_attention_heads": 4, "decoder_attention_heads": 4, "pad_token_id": 0,
            "max_position_embeddings": 128, "bos_token_id": 1, "eos_token_id": 2}  # fmt: skip
    text["decoder_start_token_id"] = 2
    vision = {"depths": [1, 1], "patch_size": [7, 3], "patch_stride": [4, 2], "patch_padding": [3, 1],
              "patch_prenorm": [False, True], "embed_dim": [16, 32], "num_heads": [2, 4], "num_groups": [2, 4],
              "window_size": 4, "projection_dim": 32, "max_temporal_embeddings": 4}  # fmt: skip
    vision["max_position_embeddings"] = 16
    config = hf.Florence2Config(text_config=text, vision_config=vision, image_token_id=words.image_token_id)
    shown = hf.CLIPImageProcessor(size={"height": 32, "width": 32}, do_center_crop=False)
    shown.image_seq_length = 17
    return stored(folder, hf.Florence2ForConditionalGeneration(config), hf.Florence2Processor(shown, words))


def paligemma(folder: Path) -> Path:
    """A Gemma asked by a task's words."""
    words = byte_pairs(image_token="<image>")
    text = {**DECODER, "model_type": "gemma", "vocab_size": len(words), "num_key_value_heads": 1, "head_dim": 8}
    config = hf.PaliGemmaConfig(
        text_config=text, vision_config={**VISION, "model_type": "siglip_vision_model"}, projection_dim=32,
        image_token_index=words.image_token_id,
    )  # fmt: skip
    shown = pictures(hf.SiglipImageProcessor)
    shown.image_seq_length = 4
    processor = hf.PaliGemmaProcessor(shown, words)
    config.text_config.vocab_size = len(words)
    return stored(folder, hf.PaliGemmaForConditionalGeneration(config), processor)


def llava(folder: Path, chat: str | None = template("<image>")) -> Path:
    """A LLaMA behind a CLIP."""
    words = byte_pairs(image_token="<image>")
    config = hf.LlavaConfig(
        text_config={**DECODER, "model_type": "llama", "vocab_size": len(words)},
        vision_config={**VISION, "model_type": "clip_vision_model", "projection_dim": 16},
        image_token_index=words.image_token_id, vision_feature_layer=-1,
    )  # fmt: skip
    processor = hf.LlavaProcessor(
        pictures(hf.CLIPImageProcessor, crop_size=SIDE), words, patch_size=14, num_additional_image_tokens=1,
        vision_feature_select_strategy="default", chat_template=chat,
    )  # fmt: skip
    return stored(folder, hf.LlavaForConditionalGeneration(config), processor)


def llava_onevision(folder: Path, chat: str | None = template("<image>", "<video>")) -> Path:
    """A Qwen behind a SigLIP: pictures in several crops, and videos."""
    words = byte_pairs(image_token="<image>", video_token="<video>")
    pinpoints = [[28, 28], [28, 56], [56, 28], [56, 56]]
    config = hf.LlavaOnevisionConfig(
        text_config={**DECODER, "model_type": "qwen2", "vocab_size": len(words)},
        vision_config={**VISION, "model_type": "siglip_vision_model"}, image_grid_pinpoints=pinpoints,
        image_token_index=words.image_token_id, video_token_index=words.video_token_id, vision_feature_layer=-1,
    )  # fmt: skip
    processor = hf.LlavaOnevisionProcessor(
        hf.LlavaOnevisionImageProcessor(size=SIDE, image_grid_pinpoints=pinpoints), words,
        hf.LlavaOnevisionVideoProcessor(size=SIDE), num_image_tokens=4, vision_feature_select_strategy="full",
        chat_template=chat,
    )  # fmt: skip
    return stored(folder, hf.LlavaOnevisionForConditionalGeneration(config), processor)


def qwen2_vl(folder: Path) -> Path:
    """As many patches as a picture has, and videos."""
    return _qwen(folder, "Qwen2VL", {"embed_dim": 32, "hidden_size": 32})


def qwen2_5_vl(folder: Path) -> Path:
    """The same with windows, and videos whose instants count."""
    windows = {"window_size": 16, "fullatt_block_indexes": [1], "intermediate_size": 48}
    return _qwen(folder, "Qwen2_5_VL", {"hidden_size": 32, "out_hidden_size": 32, **windows})


def idefics3(folder: Path) -> Path:
    """A LLaMA that takes several pictures, each split; SmolVLM is of its kind."""
    places = [f"<row_{row}_col_{column}>" for row in (1, 2, 3, 4) for column in (1, 2, 3, 4)]
    words = byte_pairs("<fake_token_around_image>", "<end_of_utterance>", "<global-img>", "<image>", *places)
    config = hf.Idefics3Config(
        text_config={**DECODER, "model_type": "llama", "vocab_size": len(words)}, scale_factor=2,
        vision_config={**VISION, "image_size": 56}, image_token_id=words.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    shown = hf.Idefics3ImageProcessor(size={"longest_edge": 112}, max_image_size={"longest_edge": 56})
    processor = hf.Idefics3Processor(shown, words, image_seq_len=4, chat_template=template("<image>"))
    return stored(folder, hf.Idefics3ForConditionalGeneration(config), processor)


FAMILIES: dict[str, Callable[[Path], Path]] = {
    made.__name__: made
    for made in (blip, blip2, git, florence2, paligemma, llava, llava_onevision, qwen2_vl, qwen2_5_vl, idefics3)
}


def _qwen(folder: Path, family: str, vision: dict[str, Any]) -> Path:
    words = byte_pairs("<|vision_start|>", "<|vision_end|>", image_token="<|image_pad|>", video_token="<|video_pad|>")
    ids = {f"{name}_token_id": words.convert_tokens_to_ids(f"<|{name}|>") for name in ("vision_start", "vision_end")}
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    patches = {"patch_size": 4, "temporal_patch_size": 2}
    config = getattr(hf, f"{family}Config")(
        text_config={**DECODER, "vocab_size": len(words), "rope_parameters": rope},
        vision_config={"depth": 2, "num_heads": 2, "spatial_merge_size": 2, **patches, **vision},
        image_token_id=words.image_token_id, video_token_id=words.video_token_id, **ids,
    )  # fmt: skip
    shown = {**patches, "merge_size": 2, "size": {"shortest_edge": 256, "longest_edge": 1024}}
    media = (f"<|vision_start|>{token}<|vision_end|>" for token in (words.image_token, words.video_token))
    processor = getattr(hf, f"{family}Processor")(
        hf.Qwen2VLImageProcessor(**shown), words, hf.Qwen2VLVideoProcessor(**shown), chat_template=template(*media)
    )
    return stored(folder, getattr(hf, f"{family}ForConditionalGeneration")(config), processor)


def pictures(kind: Any, **how: Any) -> Any:
    """An image processor that makes squares of 28 pixels."""
    return kind(size=SIDE, **how)


def byte_pairs(*special: str, **named: str) -> hf.PreTrainedTokenizerFast:
    """Byte pairs of a few words, with the tokens of a family; `named` are its attributes."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    tokens = ["<pad>", "<s>", "</s>", "<|start|>", "<|end|>", *special, *named.values()]
    learner = trainers.BpeTrainer(
        vocab_size=340, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=tokens, show_progress=False
    )
    core.train_from_iterator([TEXT], learner)
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", bos_token="<s>", eos_token="</s>", extra_special_tokens=named
    )


def bert() -> hf.BertTokenizer:
    """Whole words alone."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", *dict.fromkeys(TEXT.split())]
    return hf.BertTokenizer(vocab={token: number for number, token in enumerate(tokens)}, bos_token="[DEC]")


def stored(folder: Path, network: Any, processor: Any) -> Path:
    """Write the checkpoint, its weights so large that what is seen shows in what is said."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim > 1 or weight.unique().numel() > 1:
                weight.normal_(0.0, weight[0].numel() ** -0.5 * 1.7, generator=generator)
    processor.save_pretrained(folder)
    return saved(network, folder)


def scored(model: Any, inputs: dict[str, Any]) -> Any:
    """The scores of the first word that a model says."""
    with torch.inference_mode():
        given = {name: value.clone() for name, value in inputs.items()}
        said = model.network.generate(
            **given, do_sample=False, max_new_tokens=1, output_logits=True, return_dict_in_generate=True
        )
    return said.logits[0]
