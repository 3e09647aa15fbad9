"""Writes docs/pipeline-file.md from the schema of the pipeline file: `python docs/generate.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent / "pipeline-file.md"
HEAD = """\
# The pipeline file

One YAML file says everything about a dataset build. It is strict: an unknown key, a wrong type or a missing file ends
the command with exit code 2 and one line that names file, line, key and fix. Paths are relative to the pipeline file;
the workspace and checkpoints that are folders are relative to the folder the command runs in. A path that begins with
`vidal:` names a file that comes with vidal.

```bash
vidal init local-videos            # write a commented vidal.yaml
vidal config validate              # check every key, path and rule
vidal config render                # show it with every default filled in
vidal config schema                # the JSON Schema, for editors
```

Any key can be set for one command, with its value read as YAML; list items go by number:

```bash
vidal build --set shard.samples=500 --set harvest.sources.0.path=clips
```

The rest of this page is made from the schema by `docs/generate.py`. A key with no default is required.
"""

SIGNS = {
    "minimum": "≥",
    "exclusiveMinimum": ">",
    "maximum": "≤",
    "exclusiveMaximum": "<",
    "multipleOf": "a multiple of",
}
Schema = dict[str, Any]


def page(schema: Schema) -> str:
    """The whole page for a JSON Schema."""
    return "\n".join([HEAD, *_section("", schema, schema["$defs"])])


def _section(path: str, section: Schema, definitions: Schema) -> Iterator[str]:
    """A heading, what the section is for, the table of its keys, then the sections inside it."""
    yield f"## {f'`{path}`' if path else 'Top level'}\n"
    yield f"{section['description']}\n"
    yield "| key | type | default | meaning |"
    yield "| --- | --- | --- | --- |"
    inner = []
    for key, found in section["properties"].items():
        below = list(_sections(found, definitions))
        meaning = found.get("description") or (below[0][1]["description"] if below else "")
        meaning = "Says which of these sections it is." if "const" in found else meaning
        default = _default(key, found, section, bool(below))
        yield f"| `{key}` | {_cell(_type(found))} | {_cell(default)} | {_cell(meaning)} |"
        inner += [(f"{path}.{key}".strip(".") + suffix, child) for suffix, child in below]
    yield ""
    for child_path, child in inner:
        yield from _section(child_path, child, definitions)


def _sections(value: Schema, definitions: Schema) -> Iterator[tuple[str, Schema]]:
    """The sections inside a value, each with what its path has beyond the key: none, `[]`, `.STEP` or its `type`."""
    if "$ref" in value:
        section = definitions[value["$ref"].rpartition("/")[2]]
        tag = section["properties"].get("type", {}).get("const")
        yield (f" (type: {tag})" if tag else ""), section
    for choice in [*value.get("anyOf", ()), *value.get("oneOf", ())]:
        yield from _sections(choice, definitions)
    for suffix, children in (("[]", value.get("items")), (".STEP", value.get("additionalProperties"))):
        if isinstance(children, dict):
            yield from ((suffix + rest, child) for rest, child in _sections(children, definitions))


def _type(value: Schema) -> str:
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return " or ".join(f"`{name}`" for name in value["enum"])
    if "$ref" in value:
        return "section"
    if "anyOf" in value:
        return " or ".join(_type(choice) for choice in value["anyOf"] if choice != {"type": "null"})
    if value["type"] == "array":
        return "list of sections" if {"$ref", "oneOf"} & value["items"].keys() else f"list of {_type(value['items'])}s"
    if value["type"] == "object":
        return "sections by name"
    return " ".join(filter(None, [value["type"], _bounds(value)]))


def _bounds(value: Schema) -> str:
    bounds = [f"{sign} {value[name]:g}" for name, sign in SIGNS.items() if name in value]
    if "pattern" in value:
        bounds.append(f"that matches `{value['pattern']}`")
    return ", ".join(bounds)


def _default(key: str, value: Schema, section: Schema, has_sections: bool) -> str:
    if key in section.get("required", ()):
        return ""
    default = value.get("default")
    if default is None:
        return "none"
    if has_sections and isinstance(default, dict):
        return "its own defaults" if default else "none"
    if isinstance(default, list):
        return ", ".join(f"`{_flow(item)}`" for item in default) or "empty"
    return f"`{_flow(default)}`"


def _flow(value: Any) -> str:
    """A value as one would write it in YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_flow(inner)}" for name, inner in value.items()) + "}"
    return value if isinstance(value, str) else json.dumps(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    from vidal.pipeline import Pipeline

    TARGET.write_text(page(Pipeline.model_json_schema()), encoding="utf-8")
