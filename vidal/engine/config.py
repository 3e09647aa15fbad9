"""Reading a file of settings: strict sections, one way to override, and errors that name file, line, key and fix."""

from __future__ import annotations

import difflib
import re
import typing
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from vidal.engine.errors import ConfigError, MissingError


class Section(BaseModel):
    """A part of a file of settings: frozen, and closed to keys it does not know."""

    begin_with: ClassVar[str] = "write one with `vidal init`"
    """How one comes to such a file, for messages."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=())


S = TypeVar("S", bound=Section)
CREDENTIALS = re.compile(r"(?<=://)[^/@\s'\"]+@")
"""What an address in a message may hold and no log should."""


def load(model: type[S], path: Path, overrides: list[str]) -> S:
    """A file of settings as a validated model, with `key.path=value` overrides applied.

    Raises MissingError where the file is absent and ConfigError for everything wrong in it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MissingError(f"{path} does not exist; {model.begin_with}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{where}: not valid YAML: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a mapping of keys to values; {model.begin_with}")
    for override in overrides:
        _override(values, override)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = [problem for problem in error.errors() if not _follows(problem)]
        lines = [CREDENTIALS.sub("***@", _explain(model, path, node, overrides, p)) for p in problems]
        raise ConfigError("\n".join(lines)) from error


def _override(values: dict[str, Any], assignment: str) -> None:
    """Apply `a.b.0.c=value` (the value read as YAML) to nested mappings and lists."""
    key, separator, text = assignment.partition("=")
    if not separator or not key:
        raise ConfigError(f"--set {assignment}: expected key.path=value")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {assignment}: the value is not valid YAML") from error
    *path, last = key.split(".")
    target: Any = values
    try:
        for name in path:
            target = target[int(name)] if isinstance(target, list) else target.setdefault(name, {})
        target[int(last) if isinstance(target, list) else last] = value
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        raise ConfigError(f"--set {key}: no such place in the pipeline file") from error


def _follows(problem: Any) -> bool:
    """Whether a problem only follows from others: a list counts as short when its items are wrong."""
    return problem["type"] == "too_short" and len(problem["input"]) >= problem["ctx"]["min_length"]


def _explain(model: type[Section], path: Path, node: yaml.Node | None, overrides: list[str], problem: Any) -> str:
    location, parents = _walk(model, problem["loc"])
    key = ".".join(str(part) for part in location)
    given = next((o for o in overrides if o.partition("=")[0] == key), None)
    where = f"--set {given}" if given else f"{path}:{_line(node, location)}"
    if problem["type"] == "extra_forbidden":
        known = sorted({name for parent in parents for name in parent.model_fields})
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        fix = f"did you mean `{close[0]}`?" if close else f"known keys here: {', '.join(known)}"
        return f"{where}: {key}: unknown key; {fix}"
    if problem["type"] == "missing":
        return f"{where}: {key}: this key is required"
    message = problem["msg"].removeprefix("Value error, ")
    if not location:
        return f"{path}: {message}"
    return f"{where}: {key}: {message} (got {problem['input']!r:.80})"


def _walk(model: type[BaseModel], loc: tuple[Any, ...]) -> tuple[list[Any], list[type[BaseModel]]]:
    """A validation error's location as keys of the file, and the sections its last key could belong to.

    Pydantic puts the tag of a union member into the location; a tag is no key, so it only narrows the sections.
    """
    keys: list[Any] = []
    parents, sections = [model], [model]
    for part in loc:
        fields = [section.model_fields[part] for section in sections if part in section.model_fields]
        tagged = [s for s in sections if part in _tags(s)]
        if tagged and not fields:
            sections = parents = tagged
            continue
        keys.append(part)
        parents = sections
        if fields:
            sections = [inner for field in fields for inner in _sections(field.annotation)]
    return keys, parents


def _tags(section: type[BaseModel]) -> tuple[Any, ...]:
    """The values of `type` that choose this section in a union."""
    field = section.model_fields.get("type")
    return typing.get_args(field.annotation) if field else ()


def _sections(annotation: Any) -> list[type[BaseModel]]:
    """The models inside a type: itself, or those in an optional, list, dictionary or union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in typing.get_args(annotation) for model in _sections(argument)]


def _line(node: yaml.Node | None, location: list[Any]) -> int:
    """The line of the deepest part of a key path that stands in the file."""
    line = 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = (node.value[part], node.value[part])
        else:
            found = None
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line
