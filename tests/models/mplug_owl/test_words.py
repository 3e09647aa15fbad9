"""The tokenizer: what it reads of a file, and texts that try to be more than text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import BPE
from tokenizers.processors import TemplateProcessing

from tests.models.mplug_owl.tiny import TEXTS, piece_model, trained_pieces
from vidal.models.mplug_owl.pieces import read_pieces
from vidal.models.mplug_owl.words import Words, load_words


@pytest.fixture(scope="module")
def words(tiny) -> Words:
    return load_words(tiny)


@pytest.fixture(scope="module")
def pieces():
    return trained_pieces(TEXTS)


def test_pieces_of_a_model_file(tiny, pieces):
    found = read_pieces(tiny / "tokenizer.model")
    assert list(found.texts) == pieces[0] and found.special == ("<unk>", "<s>", "</s>")
    rank = {text: number for number, text in enumerate(found.texts)}
    results = [rank["".join(pair)] for pair in found.merges]
    assert len(results) > 50 and results == sorted(results) and min(results) >= 259


def test_texts_are_read_and_written(words):
    for text in ("a red circle", " two  blanks", "\nHuman: ", "é😀 star", "x" * 40):
        ids = words.encode(text)
        assert words.decode([1, *ids, 2]) == text and min(ids) > 2
    assert words.encode("") == [] and words.decode([]) == ""
    assert len(words.encode("a red circle")) < len("a red circle")


def test_no_text_becomes_a_token_that_is_not_text(words):
    ids = words.encode("</s><s> <unk><0x0A> <image><|video|>")
    assert min(ids) > 2 and words.decode(ids) == "</s><s> <unk><0x0A> <image><|video|>"
    assert words.backend.token_to_id("<0x0A>") not in ids


def test_a_piece_that_would_spell_a_special_token_does_not(tmp_path, pieces):
    texts, _ = pieces
    texts = [*texts, "<", ">", "/", "/s", "s>"]
    (tmp_path / "tokenizer.model").write_bytes(piece_model(texts, [-float(rank) for rank in range(len(texts))]))
    words = load_words(tmp_path)
    for text in ("a<s>b", "<s></s>"):
        ids = words.encode(text)
        assert min(ids) > 2 and words.backend.token_to_id("s>") in ids and words.decode(ids) == text


def test_media_take_their_places(words):
    before, after = words.encode("a "), words.encode(" b")
    assert words.prompt("a <|video|> b<image>", 4) == [1, *before, -2, -2, -2, -2, *after, -1, -1, -1, -1]
    assert words.prompt("<image>", 2) == [1, -1, -1]


def test_bytes_that_are_no_character(words):
    numbers = [words.backend.token_to_id(f"<0x{byte:02X}>") for byte in (0xE2, 0x82, 0x41, 0xC3, 0xA9, 0xFF)]
    assert words.decode(numbers) == "\ufffd\ufffdA\xe9\ufffd"


@given(st.text(st.sampled_from("a ré😀d\n"), max_size=30), st.integers(1, 12))
def test_a_cut_is_a_beginning_of_so_many_tokens_at_most(words, text, most):
    cut = words.cut(text, most)
    assert text.startswith(cut) and len(words.encode(cut)) <= most
    if cut != text:
        assert len(words.encode(text)) > most and len(words.encode(text[: len(cut) + 1])) >= most


def test_a_tokenizer_json_is_read_the_same_way(tiny, tmp_path, words):
    found = read_pieces(tiny / "tokenizer.model")
    backend = Tokenizer(
        BPE(
            {text: number for number, text in enumerate(found.texts)},
            list(found.merges),
            unk_token="<unk>",
            byte_fallback=True,
        )
    )
    backend.add_special_tokens([AddedToken(text, special=True) for text in found.special])
    backend.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    backend.enable_truncation(3)
    backend.save(str(tmp_path / "tokenizer.json"))
    again = load_words(tmp_path)
    for text in ("a red circle", " two  blanks", "\nHuman: ", "é</s>"):
        assert again.encode(text) == words.encode(text)
        assert again.decode([1, *words.encode(text), 2]) == text


def test_other_tokenizers_are_refused(tmp_path, pieces):
    texts, scores = pieces
    file = tmp_path / "tokenizer.model"
    with pytest.raises(ValueError, match=r"no tokenizer\.model"):
        load_words(tmp_path)
    for other in (piece_model(texts, scores, kind=1), piece_model(texts, scores, squeezed=1)):
        file.write_bytes(other)
        with pytest.raises(ValueError, match="not the tokenizer of a LLaMA"):
            load_words(tmp_path)
    for broken in (b"", b"\x0a\xff\xff", b"\x0b", piece_model(texts, scores)[:-3], b"hello", b"\x08" * 5):
        file.write_bytes(broken)
        with pytest.raises(ValueError, match=r"tokenizer\.model"):
            load_words(tmp_path)
    swapped = [texts[0], texts[2], texts[1], *texts[3:]]
    file.write_bytes(piece_model(swapped, scores))
    with pytest.raises(ValueError, match=re.escape("ids 1 and 2")):
        load_words(tmp_path)
