"""The published configurations of checkpoints that pipeline files name, for when neither they nor the hub are at hand.

Where a source is not named, the sizes are the defaults of the configuration class in transformers, which states the
checkpoint that they are of. Tokenizers are stand-ins with as many words as the network has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vidal.models import stand_ins

_LARGE = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
"""A ViT-L (arXiv 2010.11929, table 1)."""
_DEPTH_ANYTHING = {
    "Small": ((384, 12, 6), (3, 6, 9, 12), 64, (48, 96, 192, 384)),
    "Base": ((768, 12, 12), (3, 6, 9, 12), 128, (96, 192, 384, 768)),
    "Large": ((1024, 24, 16), (5, 12, 18, 24), 256, (256, 512, 1024, 1024)),
}
"""Width, layers and heads of the DINOv2 backbone, the layers taken from it, widths of fusion and of the neck: as the
conversion script of transformers has them for version 2."""
_QWEN = {
    "<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645, "<|vision_start|>": 151652,
    "<|vision_end|>": 151653, "<|image_pad|>": 151655, "<|video_pad|>": 151656,
}  # fmt: skip
_QWEN_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for part in message['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }}"
    "{% else %}<|vision_start|><|{{ part['type'] }}_pad|><|vision_end|>{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_METRES = {"Indoor": 20, "Outdoor": 80}
"""Where metric Depth Anything ends, from the same script."""
_AUDIOSET = {"Speech": 0, "Music": 137}
"""Rows of two of AudioSet's 527 classes in its `class_labels_indices.csv`."""


def write(checkpoint: str, folder: Path) -> bool:
    """Write the configuration, processor and tokenizer of a checkpoint of the hub into `folder`.

    False, and nothing written, where it is none of those known here.
    """
    for pattern, writer in _KNOWN.items():
        if found := re.fullmatch(pattern, checkpoint):
            writer(folder, **found.groupdict())
            return True
    return False


def open_clip(folder: Path, architecture: str, training: Mapping[str, Any] | None = None) -> None:
    """A CLIP of open_clip's list, with what the list says of its training."""
    import open_clip as library

    told = {} if training is None else training
    model = {**library.get_model_config(architecture), "quick_gelu": bool(told.get("quick_gelu"))}
    shown = {key: told[key] for key in ("mean", "std", "interpolation", "resize_mode") if told.get(key)}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": model, "preprocess_cfg": shown}))


def _clip(folder: Path, architecture: str) -> None:
    open_clip(folder, architecture)


def _glpn(folder: Path) -> None:
    """Sizes as in the conversion script of transformers: SegFormer-B4 (arXiv 2105.15203, table 6)."""
    from transformers import GLPNConfig, GLPNImageProcessor

    GLPNConfig(hidden_sizes=[64, 128, 320, 512], depths=[3, 8, 27, 3], decoder_hidden_size=64).save_pretrained(folder)
    GLPNImageProcessor().save_pretrained(folder)


def _dpt_large(folder: Path) -> None:
    """From the repository's config: a ViT-L whose layers 5, 11, 17 and 23 are read (arXiv 2103.13413, section 3)."""
    from transformers import DPTConfig, DPTImageProcessor

    neck = {"neck_hidden_sizes": [256, 512, 1024, 1024], "backbone_out_indices": [5, 11, 17, 23]}
    DPTConfig(**_LARGE, **neck, image_size=384, is_hybrid=False).save_pretrained(folder)
    DPTImageProcessor(image_mean=[0.5] * 3, image_std=[0.5] * 3).save_pretrained(folder)


def _depth_anything(folder: Path, size: str, scene: str | None = None) -> None:
    from transformers import DepthAnythingConfig, Dinov2Config, DPTImageProcessor

    (width, layers, heads), taken, fusion, neck = _DEPTH_ANYTHING[size]
    backbone = Dinov2Config(
        hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, image_size=518, patch_size=14,
        out_indices=list(taken), apply_layernorm=True, reshape_hidden_states=False,
    )  # fmt: skip
    metric = {"depth_estimation_type": "metric", "max_depth": _METRES[scene]} if scene else {}
    DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=width, patch_size=14, fusion_hidden_size=fusion,
        neck_hidden_sizes=list(neck), **metric,
    ).save_pretrained(folder)  # fmt: skip
    DPTImageProcessor(
        size={"height": 518, "width": 518}, keep_aspect_ratio=True, ensure_multiple_of=14, resample=3,
        image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225],
    ).save_pretrained(folder)  # fmt: skip


def _zoedepth(folder: Path) -> None:
    """Sizes as in the conversion script of transformers."""
    from transformers import BeitConfig, ZoeDepthConfig, ZoeDepthImageProcessor

    backbone = BeitConfig(
        **_LARGE, image_size=384, use_relative_position_bias=True, reshape_hidden_states=False,
        out_features=["stage6", "stage12", "stage18", "stage24"],
    )  # fmt: skip
    ZoeDepthConfig(
        backbone_config=backbone, neck_hidden_sizes=[256, 512, 1024, 1024], bin_centers_type="softplus",
        bin_configurations=[{"name": "nyu", "n_bins": 64, "min_depth": 1e-3, "max_depth": 10.0}],
    ).save_pretrained(folder)  # fmt: skip
    ZoeDepthImageProcessor().save_pretrained(folder)


def _clap(folder: Path) -> None:
    from transformers import ClapConfig, ClapFeatureExtractor, ClapProcessor

    config = ClapConfig()
    config.save_pretrained(folder)
    extractor = ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad")
    words = stand_ins.tokenizer(config.text_config.vocab_size, stand_ins.ROBERTA)
    ClapProcessor(feature_extractor=extractor, tokenizer=words).save_pretrained(folder)


def _ast(folder: Path) -> None:
    from transformers import ASTConfig, ASTFeatureExtractor

    names = {place: f"class {place}" for place in range(527)} | {place: name for name, place in _AUDIOSET.items()}
    ASTConfig(id2label=names, label2id={name: place for place, name in names.items()}).save_pretrained(folder)
    ASTFeatureExtractor().save_pretrained(folder)


def _blip(folder: Path, size: str) -> None:
    from transformers import BlipConfig, BlipImageProcessor, BlipProcessor

    config = BlipConfig(vision_config={"image_size": 384, **(_LARGE if size == "large" else {})})
    config.save_pretrained(folder)
    words = stand_ins.tokenizer(config.text_config.vocab_size, stand_ins.BERT)
    BlipProcessor(BlipImageProcessor(), words).save_pretrained(folder)


def _git(folder: Path, size: str, data: str) -> None:
    """Sizes as in the conversion script of transformers. Those for clips embed six frames."""
    from transformers import CLIPImageProcessor, GenerationConfig, GitConfig, GitProcessor, VideoMAEImageProcessor

    clips = data in ("vatex", "msrvtt-qa")
    vision = {"patch_size": 14, **_LARGE} if size == "large" else {}
    config = GitConfig(vision_config=vision, num_image_with_embedding=6 if clips else None)
    config.save_pretrained(folder)
    GenerationConfig.from_model_config(config).save_pretrained(folder)
    kind = VideoMAEImageProcessor if clips else CLIPImageProcessor
    pictures = kind(size={"shortest_edge": 224}, crop_size={"height": 224, "width": 224})
    GitProcessor(pictures, stand_ins.tokenizer(config.vocab_size, stand_ins.BERT)).save_pretrained(folder)


def _ofa(folder: Path, size: str) -> None:
    from vidal.models.ofa.config import OFAConfig
    from vidal.models.ofa.tokenizer import BINS, CODES

    config = OFAConfig.preset(size)
    config.save_pretrained(folder)
    words = stand_ins.vocabulary(config.vocab_size - CODES - BINS, ("<s>", "<pad>", "</s>", "<unk>", "<mask>"))
    (folder / "vocab.json").write_text(json.dumps(words))
    (folder / "merges.txt").write_text("#version: 0.2\n")


def _mplug_owl(folder: Path, clips: str | None = None) -> None:
    from tokenizers import AddedToken, Tokenizer
    from tokenizers.models import BPE

    from vidal.models.mplug_owl.config import MplugOwlConfig

    config = MplugOwlConfig(temporal=clips is not None)
    config.save_pretrained(folder)
    special = ("<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)))
    words = stand_ins.vocabulary(config.text_config.vocab_size, special)
    backend = Tokenizer(BPE(words, [], unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    backend.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in special[:3]])
    backend.save(str(folder / "tokenizer.json"))


def _qwen_vl(folder: Path) -> None:
    """Sizes as in table 1 of arXiv 2502.13923 and the repository's config, whose inner width of the vision tower is
    3420; tokens at their published ids, in a chat template of the same form."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLProcessor, Qwen2VLImageProcessor, Qwen2VLVideoProcessor

    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": 152064, "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
            "num_attention_heads": 28, "num_key_value_heads": 4, "max_position_embeddings": 128000,
            "rms_norm_eps": 1e-6, "rope_parameters": rope,
        },
        vision_config={"hidden_size": 1280, "intermediate_size": 3420, "out_hidden_size": 3584, "tokens_per_second": 2},
        tie_word_embeddings=False, dtype="bfloat16",
    )  # fmt: skip
    config.save_pretrained(folder)
    words = stand_ins.chat_tokenizer(
        config.text_config.vocab_size, _QWEN, "<|im_end|>", "<|endoftext|>", image_token="<|image_pad|>",
        video_token="<|video_pad|>",
    )  # fmt: skip
    Qwen2_5_VLProcessor(
        Qwen2VLImageProcessor(), words, Qwen2VLVideoProcessor(), chat_template=_QWEN_CHAT
    ).save_pretrained(folder)


_KNOWN: dict[str, Callable[..., None]] = {
    r"laion/CLIP-(?P<architecture>ViT-[BLHg]-\d+)-.*": _clip,
    r"laion/clap-htsat-unfused": _clap,
    r"MIT/ast-finetuned-audioset-10-10-0\.4593": _ast,
    r"vinvino02/glpn-(nyu|kitti)": _glpn,
    r"Intel/dpt-large": _dpt_large,
    r"depth-anything/Depth-Anything-V2-(Metric-(?P<scene>Indoor|Outdoor)-)?(?P<size>Small|Base|Large)-hf": (
        _depth_anything
    ),
    r"Intel/zoedepth-nyu": _zoedepth,
    r"Salesforce/blip-image-captioning-(?P<size>base|large)": _blip,
    r"microsoft/git-(?P<size>base|large)-(?P<data>coco|textcaps|vatex|msrvtt-qa)": _git,
    r"OFA-Sys/ofa-(?P<size>tiny|medium|base|large|huge)(-.*)?": _ofa,
    r"Qwen/Qwen2\.5-VL-7B-Instruct": _qwen_vl,
    r"MAGAer13/mplug-owl-llama-7b(?P<clips>-video)?": _mplug_owl,
}
"""By the names of checkpoints."""
