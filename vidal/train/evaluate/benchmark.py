"""What a benchmark is: the files of `manifests/benchmarks`, each a YAML that says where everything stands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from vidal.engine.config import Section, load
from vidal.engine.errors import MissingError
from vidal.resources import locate, shipped_root
from vidal.train.evaluate.annotations import Rows
from vidal.train.evaluate.embedder import TEXT, parts
from vidal.train.evaluate.patterns import fields

FOLDER = "manifests/benchmarks"


def _pattern(value: str) -> str:
    fields(value)
    return value


Pattern = Annotated[str, AfterValidator(_pattern)]


class Retrieval(Section):
    """Texts find items, and items find texts and each other."""

    texts: tuple[str, ...] = ()
    """The fields that hold an item's texts; a field may be a list. None where only modalities find each other."""
    joined: bool = False
    """Whether an item's texts are one, in the order of the file with a blank between: a paragraph."""
    found: Literal["rows", "groups"] = "rows"
    """What an item's rank among texts counts: other items' texts (`rows`), or other items, each by its best text
    (`groups`)."""


class Classes(Section):
    """The names by which classes go into templates."""

    path: str | None = None
    """A file: `vidal:…` comes with vidal, another is in the benchmark's folder. A `.csv` has `label` and `name`
    columns, any other a name in each line, or a label, a tab and a name. Absent: the labels that occur, sorted, are
    the names."""
    label: str = "label"
    """The column of a csv that holds what annotations call a class."""
    name: str = "name"
    """The column of a csv that holds its name."""
    names: dict[str, str] = {}
    """The names of labels, instead of a file."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Classes:
        if self.path and self.names:
            raise ValueError("`path` and `names` both give the names of classes; leave one")
        return self


class Classification(Section):
    """Items find their classes."""

    label: str
    """The field that holds an item's class."""
    separator: str | None = Field(None, min_length=1)
    """What stands between several classes of an item, which are measured by mAP."""
    blanks: str | None = Field(None, min_length=1, max_length=1)
    """What stands for a blank in labels, such as `_`."""
    classes: Classes = Classes()
    """The names of the classes."""
    templates: str = f"vidal:{FOLDER}/templates/clip.txt"
    """The templates of prompts, one in each line, with `{}` for a class's name."""
    word: str = "photo"
    """What takes the place of the word photo in templates."""
    views: int = Field(1, ge=1)
    """How many views of a file are averaged."""


class Benchmark(Section):
    """A benchmark. Its data are its user's; this says what they must look like."""

    begin_with = "manifests/benchmarks holds some"

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    """How it is called for."""
    title: str
    """How it is told of."""
    origin: str
    """Where the annotation and the media come from."""
    licence: str
    """What is known of their licences."""
    bring: str
    """What a user must have, and where to put it."""
    items: int | None = Field(None, ge=1)
    """How many items the published split has, where that is known."""
    captions: int | None = Field(None, ge=1)
    """How many texts it has, where an item has several."""
    note: str = ""
    """What else there is to know."""
    rows: Rows
    """The annotation."""
    where: dict[str, str] = {}
    """Fields and the value that a row must have in them to count."""
    id: Pattern
    """An item's id. Rows of one id are one item."""
    only: str | None = None
    """A file with the ids of the split, one in each line, in the benchmark's folder; all ids where absent."""
    media: dict[str, Pattern] = Field(min_length=1)
    """For each modality where an item's file is; `.*` at the end stands for any ending."""
    seconds: tuple[float, float] | None = None
    """The part of each file that is looked at, from and to."""
    missing: Literal["refuse", "drop"] = "refuse"
    """What an item is worth of which a file is missing: an error, or left out and counted, where files get lost at
    their site."""
    compare: tuple[tuple[str, str], ...] = Field(min_length=1)
    """Pairs of `text` and modalities, `a+b` for the sum of the unit vectors of two. In retrieval each side finds the
    other; in classification the first is sorted into classes that the second names or shows."""
    retrieval: Retrieval | None = None
    """The task, or `classification`."""
    classification: Classification | None = None
    """The task, or `retrieval`."""

    @model_validator(mode="after")
    def _whole(self) -> Benchmark:
        if (self.retrieval is None) == (self.classification is None):
            raise ValueError("a benchmark has one task: give `retrieval` or `classification`")
        if self.seconds is not None and not 0 <= self.seconds[0] < self.seconds[1]:
            raise ValueError("`seconds` are from and to, the first less than the second")
        for first, second in self.compare:
            for side in (first, second):
                unknown = set(parts(side)) - self.media.keys() - ({TEXT} if side == TEXT else set())
                if unknown:
                    raise ValueError(f"`compare` names {', '.join(sorted(unknown))}, which `media` does not")
            if first == second:
                raise ValueError(f"`compare` pairs {first} with itself")
        sides = {side for pair in self.compare for side in pair}
        if self.retrieval is not None and TEXT in sides and not self.retrieval.texts:
            raise ValueError("`compare` names text, but `retrieval.texts` no fields")
        if self.classification is not None:
            self._check_classes(self.classification)
        return self

    def _check_classes(self, task: Classification) -> None:
        if any(first == TEXT for first, _ in self.compare):
            raise ValueError("`compare`: texts have no classes; what is sorted stands first")
        if any(second != TEXT for _, second in self.compare) and (task.separator or task.views > 1):
            raise ValueError("`compare`: examples are for items of one class and one view")


def names() -> list[str]:
    """The benchmarks that come with vidal."""
    return sorted(path.stem for path in (shipped_root() / FOLDER).glob("*.yaml"))


def benchmark(reference: str, base: Path = Path()) -> Benchmark:
    """The benchmark of a name that comes with vidal, or of a YAML file, relative to `base`.

    MissingError or ConfigError with a message that names the file and the fix.
    """
    if reference in names():
        return load(Benchmark, shipped_root() / FOLDER / f"{reference}.yaml", [])
    if not reference.endswith((".yaml", ".yml")):
        raise MissingError(f"{reference}: no such benchmark; there are {', '.join(names())}, or give a YAML file")
    return load(Benchmark, locate(reference, base), [])
