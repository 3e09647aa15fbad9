"""mPLUG-Owl as transformers knows models: `from_pretrained`, `forward` with labels, `generate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import GenerationMixin, LlamaForCausalLM, PreTrainedModel, initialization
from transformers.modeling_outputs import CausalLMOutputWithPast

from vidal.models.mplug_owl.abstractor import Abstractor
from vidal.models.mplug_owl.config import MplugOwlConfig
from vidal.models.mplug_owl.form import as_stored
from vidal.models.mplug_owl.temporal import Silent
from vidal.models.mplug_owl.vision import Embeddings, VisionModel

PICTURE, CLIP = -1, -2
"""The ids at the positions of a picture and of a clip; each takes `config.medium_length` positions."""


class MplugOwlForConditionalGeneration(PreTrainedModel, GenerationMixin):
    """Words, and pictures or clips among them, to a text.

    The rotary tables that old files hold follow from the configuration: the library computes them and passes them over.
    """

    config_class = MplugOwlConfig
    main_input_name = "input_ids"
    input_modalities = ("image", "video", "text")
    _supports_sdpa = True
    _no_split_modules = ["VisionLayer", "AbstractorLayer", "LlamaDecoderLayer"]

    def __init__(self, config: MplugOwlConfig) -> None:
        super().__init__(config)
        shape = (1, config.num_query_tokens, config.visual_abstractor_config.hidden_size)
        self.query_tokens = nn.Parameter(torch.zeros(shape))
        if config.temporal:
            self.temporal_query_tokens = nn.Parameter(torch.zeros(shape))
        self.vision_model = VisionModel(config.vision_config, config.temporal)
        self.abstractor = Abstractor(config)
        self.language_model = LlamaForCausalLM(config.text_config)
        self.post_init()

    @classmethod
    def from_pretrained(cls, path: str | Path | None, *args: Any, **options: Any) -> Any:
        """As of every model of transformers. Of a folder, what its config does not tell is read from its weights."""
        if options.get("config") is None and Path(path).is_dir():
            options["config"] = cls.stored_config(Path(path))
        return super().from_pretrained(path, *args, **options)

    @classmethod
    def stored_config(cls, folder: Path) -> MplugOwlConfig:
        """The configuration of a folder, completed by what its weights tell."""
        return as_stored(MplugOwlConfig.from_pretrained(folder), folder)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None,
        pixel_values: torch.Tensor | None = None, video_pixel_values: torch.Tensor | None = None,
        labels: torch.Tensor | None = None, **_: Any,
    ) -> CausalLMOutputWithPast:  # fmt: skip
        """Logits [rows, length, vocabulary] for each position; of `labels` too the mean loss.

        `labels` are ids [rows, length] of the same positions, moved on by one here; -100 counts for nothing. The mask
        is 1 for what counts, media included.
        """
        return self.language_model(
            inputs_embeds=self.embed(input_ids, pixel_values, video_pixel_values),
            attention_mask=None if attention_mask is None else attention_mask.long(),
            labels=labels,
            use_cache=False,
        )

    @torch.no_grad()
    def generate(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None,
        pixel_values: torch.Tensor | None = None, video_pixel_values: torch.Tensor | None = None, **options: Any,
    ) -> Any:  # fmt: skip
        """The library's `generate` of the language model: new ids only. Shorter rows are padded on the left."""
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask.long()
        vectors = self.embed(input_ids, pixel_values, video_pixel_values)
        return self.language_model.generate(inputs_embeds=vectors, attention_mask=mask, **options)

    def embed(
        self, input_ids: torch.Tensor, pixel_values: torch.Tensor | None = None,
        video_pixel_values: torch.Tensor | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """A vector [rows, length, width] for each id; those of media in the order in which media are given.

        Raises ValueError if the ids leave room for more or fewer media than there are.
        """
        vectors = self.language_model.get_input_embeddings()(input_ids.clamp(min=0))
        for mark, pixels in ((PICTURE, pixel_values), (CLIP, video_pixel_values)):
            places = input_ids == mark
            count = 0 if pixels is None else len(pixels)
            if int(places.sum()) != count * self.config.medium_length:
                raise ValueError(f"the ids hold {int(places.sum())} times {mark}, which is not room for {count} media")
            if count:
                vectors = vectors.masked_scatter(places[..., None], self.see(pixels).to(vectors.dtype))
        return vectors

    def see(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pictures [n, 3, S, S] or clips [n, 3, frames, S, S] to [n, medium_length, width of words]."""
        temporal = self.temporal_query_tokens if pixels.dim() == 5 and self.config.temporal else None
        return self.abstractor(self.vision_model(pixels), self.query_tokens, temporal)

    def get_input_embeddings(self) -> nn.Module:
        """The vectors of words."""
        return self.language_model.get_input_embeddings()

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        deviation = self.config.initializer_range
        if isinstance(module, Embeddings):
            initialization.normal_(module.cls_token, std=deviation)
            initialization.normal_(module.position_embedding, std=deviation)
        elif isinstance(module, Silent):
            initialization.zeros_(module.weight)
        elif isinstance(module, Abstractor):
            initialization.normal_(module.vit_eos, std=deviation)
        elif module is self:
            for queries in self.parameters(recurse=False):
                initialization.normal_(queries, std=deviation)
