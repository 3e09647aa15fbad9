from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vidal.harvest.listing import objects
from vidal.harvest.listing.objects import DamageError, members, read

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(max_size=6), VALUES, max_size=8)


def cut(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


@given(OBJECTS, st.integers(1, 40), st.booleans(), st.sampled_from([None, 0, 2]))
@example({"a": {"b": '}, "c": {', "d": "\\"}, "e}": ["{", ',"']}, 1, True, None)
@example({"a": 12, "b": 1.5}, 1, True, None)
def test_members_are_those_of_the_object_however_the_bytes_arrive(value, size, plain, indent):
    content = json.dumps(value, ensure_ascii=plain, indent=indent).encode("utf-8", "surrogatepass")
    if b"\xed" in content and not plain:
        return
    found = list(members(cut(content, size)))
    assert [json.loads(content[one.start : one.stop].join((b"{", b"}"))) for one in found] == [
        {name: inner} for name, inner in value.items()
    ]
    assert all(one.content == content[one.start : one.stop] for one in found)
    if found:
        whole = content[found[0].start : found[-1].stop]
        assert list(read(whole)) == list(value.items())


def test_members_of_one_name_are_all_there():
    content = b'{"a": {"n": 1}, "a": {"n": 2}}'
    assert [(one.name, one.value["n"]) for one in members([content])] == [("a", 1), ("a", 2)]
    assert list(read(content[1:-1])) == [("a", {"n": 1}), ("a", {"n": 2})]


@pytest.mark.parametrize(
    ("content", "at"),
    [
        (b"", 0),
        (b"[1, 2]", 0),
        (b'"text"', 0),
        (b'{"a": {}', 0),
        (b',"a": {}}', 0),
        (b'{"a": {}, "b": {"c": "d', 8),
        (b'{"a": {}, "b": nothing}', 8),
        (b'{"a": {}} {"b": {}}', 8),
        (b'{"a": {}, {"b": {}}}', 8),
        (b'{"a": {},}', 8),
        (b'{"a" {}}', 0),
        (b'{"a": {} "b": {}}', 0),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_damage_is_placed_after_the_last_whole_member(content, at, size):
    with pytest.raises(DamageError) as caught:
        list(members(cut(content, size)))
    assert caught.value.at == at


def test_an_object_of_none():
    assert list(members([b" { } \n"])) == [] and list(read(b"")) == []


def test_a_text_that_is_never_closed_is_not_held_for_ever(monkeypatch):
    monkeypatch.setattr(objects, "MEMBER_BYTES", 1000)
    passed = []

    def chunks():
        yield b'{"a": {}, "b": "'
        for number in range(100):
            passed.append(number)
            yield b"x" * 100

    with pytest.raises(DamageError) as caught:
        list(members(chunks()))
    assert caught.value.at == 8 and len(passed) < 15


def test_bytes_that_are_no_text_are_replaced_and_damage_is_not_passed_over():
    assert list(read(b'"a": {"raw": "\xff\xfe\xc3\xa9"}')) == [("a", {"raw": "��é"})]
    with pytest.raises(DamageError):
        list(read(b'"a": {}, "b": {'))
