"""What each key of the training file does to a training."""

from __future__ import annotations

import math

import pytest
import torch
from open_clip.loss import ClipLoss

from tests.train.loop.tiny import Fixed, trainer
from vidal.train.loop.step import Media, losses
from vidal.train.loop.trainer import DivergedError, Trainer


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def curve(one: Trainer) -> list[float]:
    return [values["loss"] for values in one.run()]


def weights(one: Trainer) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in one.model.named_parameters() if weight.requires_grad}


def same(one: Trainer, other: Trainer) -> bool:
    found, expected = weights(one), weights(other)
    return found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.fixture(scope="module")
def plain() -> tuple[Trainer, list[float]]:
    torch.set_num_threads(1)
    one = trainer()
    return one, curve(one)


def test_steps_are_those_given_or_those_of_the_epochs():
    assert trainer(steps=7, epochs=3).steps == 7
    assert trainer(steps=None, epochs=3).steps == 15
    assert trainer(steps=None, epochs=3, accumulate=2).steps == 7
    assert trainer(steps=None, epochs=1, accumulate=9).steps == 1


def test_clip_norm_cuts_the_gradient():
    def norm(**optimiser) -> float:
        one = trainer(steps=1, optimiser={"lr": 1e-2, **optimiser})
        curve(one)
        return float(torch.nn.utils.get_total_norm([w.grad for w in one.model.parameters() if w.grad is not None]))

    free = norm()
    assert norm(clip_norm=free / 10) == pytest.approx(free / 10, rel=1e-4)
    assert norm(clip_norm=free * 10) == pytest.approx(free, rel=1e-6)


@pytest.mark.parametrize(("optimiser", "rate"), [({"coef_lr": 0.1}, 1e-3), ({"coef_lr": 0.1, "compat": True}, 1e-2)])
def test_coef_lr_is_for_what_is_outside_lora_unless_compat(optimiser, rate):
    one = trainer(steps=1, optimiser={"lr": 1e-2, **optimiser})
    curve(one)
    assert [group["lr"] for group in one.optimizer.param_groups] == pytest.approx([rate] * 2)


def test_the_optimizer_is_as_the_file_says():
    one = trainer(optimiser={"lr": 1e-2, "betas": (0.5, 0.6), "eps": 1e-3, "weight_decay": 0.3, "warmup": 4})
    assert one.optimizer.defaults["betas"] == (0.5, 0.6) and one.optimizer.defaults["eps"] == 1e-3
    assert {group["weight_decay"] for group in one.optimizer.param_groups} == {0.0, 0.3}
    assert [values["lr"] for values in one.run()] == pytest.approx([0.0025, 0.005, 0.0075, 0.01])


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_trains_weights_of_whole_precision(plain, precision):
    one = trainer(precision=precision)
    found = curve(one)
    assert found[0] == pytest.approx(plain[1][0], abs=0.1) and found[0] != plain[1][0]
    assert {weight.dtype for weight in weights(one).values()} == {torch.float32}
    assert ("scale" in one.checkpoint().scaler) is (precision == "float16")
    assert not same(one, trainer())


def test_float16_takes_up_its_factor_again():
    one, other = trainer(precision="float16"), trainer(precision="float16")
    steps = one.run()
    next(steps)
    assert one.checkpoint().scaler["scale"] == 32768, "a first step with the factor it begins with is too large"
    other.resume(one.checkpoint())
    assert other.checkpoint().scaler == one.checkpoint().scaler


def test_gradient_checkpointing_changes_nothing_but_memory(plain):
    one = trainer(gradient_checkpointing=True)
    kept: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        found = curve(one)
    checkpointed = len(kept)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        curve(trainer())
    assert found == plain[1] and same(one, plain[0])
    assert checkpointed < len(kept) - checkpointed


@pytest.mark.slow
def test_a_compiled_model_trains_the_same(plain):
    assert curve(trainer(compile=True)) == pytest.approx(plain[1], abs=1e-4)


def test_seed_and_rank_decide_what_is_drawn():
    from vidal.train.loop.trainer import _seed

    assert len({_seed(seed, step, rank) for seed in (0, 1) for step in (0, 1) for rank in (0, 1)}) == 8


def test_a_batch_with_what_is_no_number_changes_no_weight():
    one, seen = trainer(Fixed(broken=frozenset({1}))), []
    for values in one.run():
        seen.append((values["loss"], weights(one)))
    assert [math.isfinite(loss) for loss, _ in seen] == [True, False, True, True]
    assert all(torch.equal(seen[1][1][name], weight) for name, weight in seen[0][1].items())
    assert any(not torch.equal(seen[2][1][name], weight) for name, weight in seen[1][1].items())


def test_a_gradient_that_is_no_number_changes_no_weight():
    one = trainer(steps=9)
    one.model.visual_projection.weight.register_hook(lambda gradient: gradient * torch.nan)
    before = weights(one)
    with pytest.raises(DivergedError, match="5 steps in a row, up to step 5"):
        curve(one)
    assert all(torch.equal(weight, before[name]) for name, weight in weights(one).items())


def test_micro_batches_are_one_large_batch():
    """Four of 8 against one of 32; the temperature alone collects its gradient four times, as the original's does."""
    batch = next(iter(Fixed(whole=32)))
    micro = [Media(batch.pixels[n : n + 8], batch.ids[n : n + 8], batch.mask[n : n + 8]) for n in range(0, 32, 8)]
    one, several = trainer().model, trainer().model
    (whole,) = losses(one, ClipLoss(), [Media(batch.pixels, batch.ids, batch.mask)], torch.Tensor.backward)
    assert losses(several, ClipLoss(), micro, torch.Tensor.backward) == pytest.approx([whole] * 4, abs=1e-5)
    for (name, weight), (_, other) in zip(one.named_parameters(), several.named_parameters(), strict=True):
        if weight.grad is not None:
            expected = weight.grad * (4 if name == "logit_scale" else 1)
            torch.testing.assert_close(other.grad, expected, atol=1e-6, rtol=1e-4, msg=name)


def test_ten_steps_of_micro_batches_are_ten_of_large_ones():
    class Cut(Fixed):
        def __iter__(self):
            for batch in Fixed(whole=32):
                for n in range(0, 32, 8):
                    yield type(batch)(batch.pixels[n : n + 8], batch.ids[n : n + 8], batch.mask[n : n + 8])

    settings = {"steps": 10, "optimiser": {"lr": 1e-3, "warmup": 2}}
    whole = curve(trainer(Fixed(whole=32), **settings))
    assert curve(trainer(Cut(), accumulate=4, **settings)) == pytest.approx(whole, abs=1e-5)
