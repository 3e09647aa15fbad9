"""OFA as transformers knows models: `from_pretrained`, `forward` with labels, `generate`."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import EncoderDecoderCache, GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import Seq2SeqLMOutput

from vidal.models.ofa.config import OFAConfig
from vidal.models.ofa.decoder import Decoder
from vidal.models.ofa.encoder import Encoder, EncoderOutput


class OFAForConditionalGeneration(PreTrainedModel, GenerationMixin):
    """A picture and a prompt to a text.

    Padding is known by its id, so attention masks have no effect. The bucket tables that published files hold follow
    from the configuration: they are computed and not loaded.
    """

    config_class = OFAConfig
    main_input_name = "input_ids"
    _supports_sdpa = True
    _keys_to_ignore_on_load_unexpected = [r"coder\.(token_rp_bucket|image_rp_bucket|image_position_idx)$"]
    _tied_weights_keys = {
        "decoder.embed_tokens.weight": "encoder.embed_tokens.weight",
        "decoder.output_projection.weight": "encoder.embed_tokens.weight",
    }

    def __init__(self, config: OFAConfig) -> None:
        super().__init__(config)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.post_init()

    def forward(
        self, input_ids: torch.Tensor | None = None, patch_images: torch.Tensor | None = None,
        decoder_input_ids: torch.Tensor | None = None, encoder_outputs: EncoderOutput | None = None,
        past_key_values: EncoderDecoderCache | None = None, labels: torch.Tensor | None = None, **_: Any,
    ) -> Seq2SeqLMOutput:  # fmt: skip
        """Logits [rows, length, vocabulary] for each token of `decoder_input_ids`; of `labels` too the mean loss.

        `input_ids` and `patch_images` are the encoder's, and not needed where `encoder_outputs` are given. `labels`
        int64 [rows, length] end with the end token; -100 counts for nothing. The decoder's ids, if left out, are the
        labels moved on by one.
        """
        encoded = encoder_outputs if encoder_outputs is not None else self.encoder(input_ids, patch_images)
        if decoder_input_ids is None:
            decoder_input_ids = self._moved_on(labels)
        logits = self.decoder(decoder_input_ids, encoded, past_key_values)
        loss = None if labels is None else cross_entropy(logits.flatten(0, 1).float(), labels.flatten())
        return Seq2SeqLMOutput(
            loss=loss,
            logits=logits,
            past_key_values=past_key_values,
            encoder_last_hidden_state=encoded.last_hidden_state,
        )

    def _moved_on(self, labels: torch.Tensor) -> torch.Tensor:
        start = labels.new_full((len(labels), 1), self.config.decoder_start_token_id)
        return torch.cat([start, labels[:, :-1].masked_fill(labels[:, :-1] == -100, self.config.pad_token_id)], dim=1)

    @staticmethod
    def _expand_inputs_for_generation(
        expand_size: int = 1, is_encoder_decoder: bool = True, input_ids: torch.Tensor | None = None, **others: Any
    ) -> tuple[torch.Tensor, dict[str, Any]]:
        """Beams have ids of their own; what was read is the same for all beams of a picture and is not repeated."""
        return input_ids.repeat_interleave(expand_size, dim=0), others

    def _reorder_cache(self, cache: EncoderDecoderCache, beams: torch.Tensor) -> EncoderDecoderCache:
        """Beams change places within their picture only, so the encoder's keys and values stay as they are."""
        cache.self_attention_cache.reorder_cache(beams)
        return cache
