from __future__ import annotations

import json
from pathlib import Path

import pytest

from vidal.engine.errors import ConfigError, MissingError
from vidal.pipeline import load_pipeline

GOOD = """\
name: things
workspace: w
harvest:
  sources:
    - {type: local, name: clips, path: clips}
filter:
  rules:
    - name: still
      where: "motion < 0.1"
"""


@pytest.fixture
def file(tmp_path):
    def write(text: str = GOOD) -> Path:
        path = tmp_path / "p.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def wrong(path, *overrides) -> list[str]:
    """The lines of the error, without the folder."""
    with pytest.raises(ConfigError) as caught:
        load_pipeline(path, list(overrides))
    return str(caught.value).replace(f"{path.parent}/", "").splitlines()


def test_a_good_file_is_a_frozen_pipeline(file):
    pipeline = load_pipeline(file(), [])
    assert pipeline.name == "things" and pipeline.harvest.sources[0].path == "clips"
    with pytest.raises(ValueError, match="frozen"):
        pipeline.name = "other"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (GOOD + "sead: 3\n", ["p.yaml:10: sead: unknown key; did you mean `seed`?"]),
        (
            GOOD.replace("where:", "wear:"),
            [
                "p.yaml:8: filter.rules.0.where: this key is required",
                "p.yaml:9: filter.rules.0.wear: unknown key; did you mean `where`?",
            ],
        ),
        (
            GOOD + "runner: {zzz: 1}\n",
            ["p.yaml:10: runner.zzz: unknown key; known keys here: address, kind, ray_above, workers"],
        ),
        (
            GOOD + "seed: many\n",
            ["p.yaml:10: seed: Input should be a valid integer, unable to parse string as an integer (got 'many')"],
        ),
        (
            GOOD + "runner:\n  kind: spark\n",
            ["p.yaml:11: runner.kind: Input should be 'auto', 'local' or 'ray' (got 'spark')"],
        ),
        (GOOD.replace("workspace: w\n", ""), ["p.yaml:1: workspace: this key is required"]),
        (
            GOOD.replace("path: clips", "paht: clips"),
            [
                "p.yaml:5: harvest.sources.0.path: this key is required",
                "p.yaml:5: harvest.sources.0.paht: unknown key; did you mean `path`?",
            ],
        ),
    ],
)
def test_an_error_names_line_key_and_fix(file, text, lines):
    assert sorted(wrong(file(text))) == sorted(lines)


def test_a_source_of_an_unknown_type_is_told_the_known_ones(file):
    (line,) = wrong(file(GOOD.replace("type: local", "type: tape")))
    assert line.startswith("p.yaml:5: harvest.sources.0")
    assert all(name in line for name in ("tape", "peertube", "freesound", "local"))


def test_a_source_without_a_type_is_told_to_give_one(file):
    (line,) = wrong(file(GOOD.replace("type: local, ", "")))
    assert line.startswith("p.yaml:5: harvest.sources.0") and "type" in line


def test_keys_of_another_type_of_source_are_unknown(file):
    (line,) = wrong(file(GOOD.replace("path: clips", "path: clips, results: 3")))
    known = "captions, columns, name, path, type"
    assert line == f"p.yaml:5: harvest.sources.0.results: unknown key; known keys here: {known}"


def test_rules_over_several_keys_read_well(file):
    doubled = GOOD.replace("path: clips}\n", "path: clips}\n    - {type: local, name: clips, path: more}\n")
    (line,) = wrong(file(doubled))
    assert line.startswith("p.yaml: two sources under harvest.sources have the same name")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name: [1, 2\nworkspace: w\n", "p.yaml:2: not valid YAML: expected ',' or ']'"),
        ("a: b: c\n", "p.yaml:1: not valid YAML: mapping values are not allowed here"),
        ("name: \x07\n", "p.yaml: not valid YAML"),
        ("- a list\n", "p.yaml: expected a mapping of keys to values; write one with `vidal init`"),
        ("", "p.yaml: expected a mapping of keys to values; write one with `vidal init`"),
        ("name: !!python/object/apply:os.system ['true']\n", "p.yaml:1: not valid YAML"),
    ],
)
def test_what_is_no_pipeline_file_is_said_so(file, text, line):
    assert wrong(file(text))[0].startswith(line)


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(MissingError, match="vidal init"):
        load_pipeline(tmp_path / "none.yaml", [])
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"latin\.yaml cannot be read"):
        load_pipeline(tmp_path / "latin.yaml", [])
    with pytest.raises(ConfigError, match="cannot be read"):
        load_pipeline(tmp_path, [])


def test_overrides_reach_into_sections_and_lists(file):
    changes = ["seed=7", "runner.kind=local", "harvest.sources.0.path=other", "filter.rules.0.where=silence > 1"]
    pipeline = load_pipeline(file(), changes)
    assert pipeline.seed == 7 and pipeline.runner.kind == "local"
    assert pipeline.harvest.sources[0].path == "other" and pipeline.filter.rules[0].where == "silence > 1"


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("seed", "--set seed: expected key.path=value"),
        ("=3", "--set =3: expected key.path=value"),
        ("seed=[1", "--set seed=[1: the value is not valid YAML"),
        ("sead=3", "--set sead=3: sead: unknown key; did you mean `seed`?"),
        ("seed=many", "--set seed=many: seed: Input should be a valid integer"),
        ("harvest.sources.5.path=x", "--set harvest.sources.5.path: no such place"),
        ("harvest.sources.first.path=x", "--set harvest.sources.first.path: no such place"),
        ("name.first=x", "--set name.first: no such place"),
    ],
)
def test_a_bad_override_is_named(file, override, line):
    assert wrong(file(), override)[0].startswith(line)


def test_refining_needs_a_caption(file):
    (line,) = wrong(file(GOOD + "caption:\n  refine: {model: m}\n"))
    assert line.startswith("p.yaml: caption.refine needs caption.video")


def test_a_message_shows_no_password_of_an_address(file):
    captions = "caption: {video: {checkpoint: x}, refine: {model: m, url: 'https://me:secret@host/v1'}}\n"
    for lines in (wrong(file(GOOD + captions)), wrong(file(), f"caption={captions.partition(' ')[2]}")):
        assert "https://***@host/v1" in lines[0] and "secret" not in lines[0] and "api_key_env" in lines[0]


def test_every_key_has_a_description():
    from vidal.pipeline import Pipeline

    def undescribed(schema, where):
        for name, field in schema.get("properties", {}).items():
            if "description" not in field and "$ref" not in json.dumps(field) and "const" not in field:
                yield f"{where}.{name}"

    schema = Pipeline.model_json_schema()
    assert all("description" in section for section in schema["$defs"].values())
    missing = [*undescribed(schema, "Pipeline")]
    missing += [key for name, inner in schema["$defs"].items() for key in undescribed(inner, name)]
    assert missing == []
