"""Beam search over tables of logits: the library's own stop rule, and the original's."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import GenerationMixin, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

from vidal.models.ofa.stopping import OriginalStopRule

START, PAD, END = 0, 1, 2


class Tables(PreTrainedModel, GenerationMixin):
    """Logits of the next token by the row of the input, the length so far and the last token."""

    config_class = PreTrainedConfig

    def __init__(self, tables: torch.Tensor) -> None:
        config = PreTrainedConfig(bos_token_id=START, pad_token_id=PAD, eos_token_id=END)
        config.vocab_size = tables.shape[-1]
        super().__init__(config)
        self.tables = tables
        self.anchor = torch.nn.Parameter(torch.zeros(1))

    def forward(self, input_ids: torch.Tensor, row: torch.Tensor, **_: Any) -> CausalLMOutput:
        length = input_ids.shape[1]
        return CausalLMOutput(logits=self.tables[row, length - 1, input_ids[:, -1]][:, None])


class TablesWithOriginalStopRule(OriginalStopRule, Tables):
    pass


def searched(kind: type[Tables], tables: torch.Tensor, **arguments: Any) -> list[list[tuple[list[int], float]]]:
    """All hypotheses and scores of each row, best first, padding removed."""
    rows, beams = len(tables), arguments["num_beams"]
    found = kind(tables).generate(
        input_ids=torch.full((rows, 1), START), row=torch.arange(rows), use_cache=False, do_sample=False,
        num_return_sequences=beams, return_dict_in_generate=True, output_scores=True, **arguments,
    )  # fmt: skip
    told = [_without_padding(ids) for ids in found.sequences.tolist()]
    pairs = list(zip(told, found.sequences_scores.tolist(), strict=True))
    return [pairs[row * beams : (row + 1) * beams] for row in range(rows)]


def _without_padding(ids: list[int]) -> list[int]:
    """The ids up to the end token, which every text has and none has twice."""
    return ids[: ids.index(END) + 1]


def described(tables: np.ndarray, beams: int, ngram: int, longest: int) -> list[tuple[list[int], float]]:
    """The original's search over one row of tables, step by step as its authors' library describes it."""
    running, finished = [((START,), 0.0)], []
    for length in range(1, longest):
        found = []
        for ids, score in running:
            logits = tables[length - 1, ids[-1]].astype(np.float64)
            logs = logits - np.log(np.exp(logits - logits.max()).sum()) - logits.max()
            logs[_repeating(ids, ngram)] = -np.inf
            if length == longest - 1:
                logs = np.where(np.arange(len(logs)) == END, 0.0, -np.inf)
            found += [((*ids, token), score + one) for token, one in enumerate(logs) if one > -np.inf]
        best = sorted(found, key=lambda one: -one[1])[: 2 * beams]
        finished += [(list(ids), score / length) for ids, score in best[:beams] if ids[-1] == END]
        finished = sorted(finished, key=lambda one: -one[1])[:beams]
        running = [one for one in best if one[0][-1] != END][:beams]
        if not running or (len(finished) == beams and finished[-1][1] >= best[0][1] / length):
            break
    return finished


def _repeating(ids: tuple[int, ...], ngram: int) -> list[int]:
    """The tokens that would complete an n-gram once more."""
    last = ids[len(ids) - ngram + 1 :]
    return [ids[at + ngram - 1] for at in range(len(ids) - ngram + 1) if ids[at : at + ngram - 1] == last]


def random_tables(seed: int, rows: int = 3, steps: int = 12, size: int = 9) -> torch.Tensor:
    """Tables under which texts end at many lengths."""
    tables = torch.randn(rows, steps, size, size, generator=torch.Generator().manual_seed(seed)) * 1.5
    tables[..., END] += 1.0
    return tables


SEARCH = {"num_beams": 3, "no_repeat_ngram_size": 2, "max_length": 12, "forced_eos_token_id": END}


def test_the_original_rule_is_the_one_described():
    tables = random_tables(0, rows=120)
    found = searched(TablesWithOriginalStopRule, tables, **SEARCH)
    for row, hypotheses in enumerate(found):
        expected = described(tables[row].numpy(), beams=3, ngram=2, longest=12)
        assert [ids for ids, _ in hypotheses] == [ids for ids, _ in expected]
        assert np.allclose([score for _, score in hypotheses], [score for _, score in expected], atol=1e-4)
    today = searched(Tables, tables, **SEARCH)
    assert 0 < sum(one != other for one, other in zip(found, today, strict=True)) < 60


def test_rows_do_not_touch_each_other():
    tables = random_tables(1, rows=6)
    together = searched(TablesWithOriginalStopRule, tables, **SEARCH)
    assert together == [searched(TablesWithOriginalStopRule, tables[row : row + 1], **SEARCH)[0] for row in range(6)]


@pytest.mark.parametrize("compat", [False, True])
def test_stored_searches(parity, compat):
    """Every stored case: with the original's rule its results, without it those stored for transformers 5.23."""
    stored = json.loads((parity / "beam-search/expected.json").read_text())["cases"]
    tables = load_file(parity / "beam-search/tables.safetensors")
    kinds: dict[str, list[dict[str, Any]]] = {}
    for case in stored:
        alike = json.dumps([case["arguments"], list(tables[f"{case['case']}.logits"].shape)])
        kinds.setdefault(alike, []).append(case)
    differing = 0
    for cases in kinds.values():
        arguments = {name: value for name, value in cases[0]["arguments"].items() if not name.startswith("bos")}
        together = torch.cat([tables[f"{case['case']}.logits"] for case in cases])
        found = searched(TablesWithOriginalStopRule if compat else Tables, together, **arguments)
        for hypotheses, row in zip(found, [row for case in cases for row in case["rows"]], strict=True):
            differing += "through_transformers_5_23_0" in row
            column = "hypotheses_best_first" if compat else "through_transformers_5_23_0"
            expected = row.get(column, row["hypotheses_best_first"])
            assert [ids for ids, _ in hypotheses] == [one["tokens"] for one in expected]
            assert np.allclose([score for _, score in hypotheses], [one["score"] for one in expected], atol=1e-4)
    assert len(stored) == 38 and differing == 20
