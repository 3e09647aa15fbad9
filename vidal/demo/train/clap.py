"""demo:clap: a contrastive model of sounds and texts, a tiny transformers ClapModel."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vidal.demo.scene import SOUNDS
from vidal.demo.sound import waveform
from vidal.demo.train.data import CONTEXT_LENGTH, TRAIN_SEED, save, scenes, sound_texts, tokenizer
from vidal.demo.train.fit import fit

SOUNDS_HEARD, STEPS, BATCH = 3072, 400, 64
RATE, SECONDS = 16000, 4


def train(folder: Path) -> None:
    """Write the checkpoint: config, feature extractor, tokenizer, weights."""
    import torch
    from torch.nn.functional import cross_entropy
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, ClapProcessor

    words = tokenizer()
    extractor = ClapFeatureExtractor(
        feature_size=32, sampling_rate=RATE, hop_length=512, max_length_s=SECONDS, fft_window_size=1024,
        frequency_max=RATE // 2, truncation="rand_trunc", padding="repeatpad",
    )  # fmt: skip
    audio = {
        "num_mel_bins": 32, "spec_size": 64, "window_size": 4, "patch_embeds_hidden_size": 32, "depths": [1, 1, 1],
        "num_attention_heads": [2, 4, 8], "hidden_size": 128, "num_classes": 8, "hidden_dropout_prob": 0.0,
    }  # fmt: skip
    text = {
        "vocab_size": len(words), "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 256, "max_position_embeddings": len(words) + CONTEXT_LENGTH + 1,
        "pad_token_id": words.pad_token_id, "bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id,
        "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    }  # fmt: skip
    torch.manual_seed(TRAIN_SEED)
    network = ClapModel(ClapConfig(audio_config=audio, text_config=text, projection_dim=64, hidden_size=64))
    network.config.save_pretrained(folder)
    ClapProcessor(feature_extractor=extractor, tokenizer=words).save_pretrained(folder)

    heard = scenes(TRAIN_SEED, SOUNDS_HEARD)
    words_rng = np.random.default_rng(TRAIN_SEED)
    waves = [waveform(one, RATE)[: SECONDS * RATE] for one in heard]
    features = extractor(waves, sampling_rate=RATE, return_tensors="pt")["input_features"].float()
    told = [sound_texts(one, words_rng) for one in heard]
    tokens = torch.tensor([words(texts, padding="max_length", truncation=True)["input_ids"] for texts in told])
    kinds = torch.tensor([SOUNDS.index(one.sound) for one in heard])

    def loss_of(rng: np.random.Generator) -> torch.Tensor:
        drawn = torch.from_numpy(rng.choice(SOUNDS_HEARD, BATCH, replace=False))
        which = torch.from_numpy(rng.integers(tokens.shape[1], size=BATCH))
        written = tokens[drawn, which]
        sounds = network.get_audio_features(input_features=features[drawn]).pooler_output
        texts = network.get_text_features(
            input_ids=written, attention_mask=(written != words.pad_token_id).long()
        ).pooler_output
        scores = network.logit_scale_a.exp().clamp(max=30.0) * sounds @ texts.T
        alike = (kinds[drawn][:, None] == kinds[drawn]).float()
        target = alike / alike.sum(1, keepdim=True)
        return (cross_entropy(scores, target) + cross_entropy(scores.T, target)) / 2

    fit(network, loss_of, steps=STEPS, rate=1e-3, seed=TRAIN_SEED)
    save(network, folder)
