"""What of the towers is trained, and in which groups of the optimizer."""

from __future__ import annotations

from typing import Any, Literal

from vidal.train.towers.lora import published_name
from vidal.train.towers.model import LanguageBind

Tuning = Literal["lora", "attention", "full"]

_ALWAYS = ("class_embedding", "post_layernorm", "visual_projection", "logit_scale")
_UNDECAYED = ("bn", "ln", "bias", "logit_scale", "class_embedding", "patch_embedding")


def choose(model: LanguageBind, tuning: Tuning) -> None:
    """Let gradients reach what `tuning` trains, and nothing else; the text tower is never trained.

    `lora`: the matrices of LoRA, and where there is attention over time its embeddings and norms. `attention`: what the
    original calls full tuning, the layers of attention over time, or else of attention over places. `full`: the whole
    vision tower. Class token, last norm, projection and temperature are trained by all three.
    """
    for name, weight in model.named_parameters():
        weight.requires_grad_(_trained(name, tuning, model.config.vision.add_time_attn))


def _trained(name: str, tuning: Tuning, timed: bool) -> bool:
    if name.startswith(("text_model.", "text_projection.")):
        return False
    if tuning == "full" or any(part in name for part in _ALWAYS):
        return True
    if tuning == "lora":
        return "lora_" in name or "temporal_embedding" in name or "temporal_layer_norm1" in name
    return ("temporal" if timed else "self_attn") in name


def groups(model: LanguageBind, weight_decay: float, coef_lr: float) -> list[dict[str, Any]]:
    """The groups of AdamW in the original's order: outside LoRA without and with decay, LoRA without and with decay.

    `factor` is what the common learning rate is multiplied by: `coef_lr` outside LoRA, 1 inside. Weights of fewer than
    two dimensions, and those that the original names, do not decay. Empty groups are left out.
    """
    chosen = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    found = []
    for inside, factor in ((False, coef_lr), (True, 1.0)):
        for decayed in (False, True):
            members = [(n, w) for n, w in chosen if ("lora_" in n) is inside and _decays(n, w) is decayed]
            if members:
                found.append(
                    {
                        "params": [weight for _, weight in members],
                        "names": [published_name(name) for name, _ in members],
                        "weight_decay": weight_decay if decayed else 0.0,
                        "factor": factor,
                    }
                )
    return found


def _decays(name: str, weight: Any) -> bool:
    return weight.ndim >= 2 and not any(part in name for part in _UNDECAYED)
