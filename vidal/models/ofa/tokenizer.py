"""The words of an OFA: BART's byte-level BPE, and tokens for picture codes and places after them."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from tokenizers import AddedToken
from transformers import RobertaTokenizer

CODES, BINS = 8192, 1000
"""How many tokens `<code_0>` … and, after them, `<bin_0>` … follow the vocabulary of a checkpoint."""


class OFATokenizer(RobertaTokenizer):
    """Loads `vocab.json` and `merges.txt` of a published checkpoint; `<s> text </s>`, padded on the right.

    The added tokens swallow blanks around them when a text is read, and are set off by one blank each when written.
    """

    def __init__(self, *args: Any, mask_token: str | AddedToken = "<mask>", **kwargs: Any) -> None:
        mask = AddedToken(str(mask_token), lstrip=True, special=True)
        kwargs = {"clean_up_tokenization_spaces": True, **kwargs}
        super().__init__(*args, mask_token=mask, **kwargs)
        names = [f"<code_{index}>" for index in range(CODES)] + [f"<bin_{index}>" for index in range(BINS)]
        self.add_tokens([AddedToken(name, lstrip=True, rstrip=True, normalized=False) for name in names])

    def _decode(
        self, token_ids: Any, skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool | None = None,
        **_: Any,
    ) -> str:  # fmt: skip
        """The text of ids; by default without the blanks that stand before punctuation."""
        ids = [token_ids] if isinstance(token_ids, int) else list(token_ids)
        dropped = set(self.all_special_ids) if skip_special_tokens else set()
        kept = [one for one in ids if one not in dropped]
        base = self.vocab_size
        runs = [list(run) for _, run in groupby(enumerate(kept), lambda one: one[0] if one[1] >= base else -1)]
        text = " ".join(self._tokenizer.decode([one for _, one in run], skip_special_tokens=False) for run in runs)
        clean = (
            self.clean_up_tokenization_spaces if clean_up_tokenization_spaces is None else clean_up_tokenization_spaces
        )
        return self.clean_up_tokenization(text) if clean else text
