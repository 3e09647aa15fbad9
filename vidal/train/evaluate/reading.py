"""A benchmark's folder, read into items with texts or classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from vidal.engine.errors import ConfigError, MissingError
from vidal.resources import SHIPPED, locate, read_lines
from vidal.train.evaluate import annotations
from vidal.train.evaluate.annotations import Row, TableRows, text_of
from vidal.train.evaluate.benchmark import Benchmark, Classes, Classification
from vidal.train.evaluate.data import Captioned, Items, Labelled, Media
from vidal.train.evaluate.patterns import Files, fill


def read(benchmark: Benchmark, root: Path) -> Captioned | Labelled:
    """The items of a benchmark whose data are in the folder `root`, in the order of its annotation or its list of ids.

    ConfigError and MissingError name the file, the line and the fix.
    """
    try:
        rows = _rows_by_id(benchmark, root)
        items, kept = _items(benchmark, root, rows)
        if benchmark.retrieval is not None:
            return _captioned(benchmark, items, kept)
        return _labelled(benchmark, root, items, kept, rows)
    except MissingError as error:
        raise MissingError(f"{error}; {benchmark.title} needs {benchmark.bring}") from error


def templates(task: Classification, root: Path) -> list[str]:
    """A classification's templates, with the modality's word for the word photo, `{}` for a class's name."""
    lines = read_lines(task.templates, root)
    if not lines or any(line.count("{}") != 1 for line in lines):
        wrong = next((line for line in lines if line.count("{}") != 1), "no line")
        raise ConfigError(f"{task.templates}: {wrong!r} is no template: each has one {{}} for a class's name")
    return [line.replace("photo", task.word) for line in lines]


def _rows_by_id(benchmark: Benchmark, root: Path) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {}
    for row in annotations.read(benchmark.rows, root):
        if all(row.one(name) == value for name, value in benchmark.where.items()):
            rows.setdefault(fill(benchmark.id, row), []).append(row)
    if benchmark.only is not None:
        rows = dict(_listed(root / benchmark.only, rows, root / benchmark.rows.path))
    if not rows:
        raise ConfigError(f"{root / benchmark.rows.path} holds no rows for {benchmark.name}")
    return rows


def _listed(path: Path, rows: Mapping[str, list[Row]], source: Path) -> Iterator[tuple[str, list[Row]]]:
    for number, line in enumerate(text_of(path).split("\n"), 1):
        if name := line.strip():
            if name not in rows:
                raise ConfigError(f"{path}:{number}: {name!r:.80} is not in {source}")
            yield name, rows[name]


def _items(benchmark: Benchmark, root: Path, rows: Mapping[str, list[Row]]) -> tuple[Items, dict[str, list[Row]]]:
    """The items whose files are all there, and their rows."""
    files, lost, kept = Files(root), [], {}
    media: dict[str, list[Media]] = {modality: [] for modality in benchmark.media}
    views = benchmark.classification.views if benchmark.classification else 1
    for name, found in rows.items():
        wanted = {modality: fill(pattern, _with_id(found[0], name)) for modality, pattern in benchmark.media.items()}
        paths = {modality: files.find(one) for modality, one in wanted.items()}
        lacking = [wanted[modality] for modality, path in paths.items() if path is None]
        lost += lacking[:1]
        if not lacking:
            kept[name] = found
            for modality, path in paths.items():
                media[modality] += [Media(path, benchmark.seconds, (view, views)) for view in range(views)]
    if lost and (benchmark.missing == "refuse" or not kept):
        raise MissingError(f"{root}: {len(lost)} of {len(rows)} items lack a file, the first {lost[0]}")
    return Items(tuple(kept), media, views, len(lost)), kept


def _with_id(row: Row, name: str) -> Row:
    return Row(row.place, {**row.fields, "id": name})


def _captioned(benchmark: Benchmark, items: Items, rows: Mapping[str, list[Row]]) -> Captioned:
    texts: list[str] = []
    owners: list[int] = []
    for place, found in enumerate(rows.values()):
        own = [text for row in found for field in benchmark.retrieval.texts for text in row.several(field)]
        own = [" ".join(own)] if own and benchmark.retrieval.joined else own
        texts += own
        owners += [place] * len(own)
    return Captioned(items, tuple(texts), tuple(owners))


def _labelled(
    benchmark: Benchmark, root: Path, items: Items, rows: Mapping[str, list[Row]], all_: Mapping[str, list[Row]]
) -> Labelled:
    """The classes are those of the whole annotation, also where no file of one is there."""
    task = benchmark.classification
    named = class_names(task.classes, root)
    label_of = labels_of(task)
    labels = {name: _of_one_row(found, label_of) for name, found in all_.items()}
    named = named or {label: label for label in sorted({one for some in labels.values() for one in some})}
    places = {label: place for place, label in enumerate(named)}
    for name, some in labels.items():
        for label in some:
            if label not in places:
                raise ConfigError(f"{all_[name][0].place}: {label!r:.80} is no class of {benchmark.name}")
    found = tuple(tuple(places[label] for label in labels[name]) for name in rows)
    return Labelled(items, tuple(named.values()), found)


def labels_of(task: Classification) -> Callable[[Row], tuple[str, ...]]:
    """How a row's classes are read: by the field, the separator and the blanks of a classification."""

    def labels(row: Row) -> tuple[str, ...]:
        text = row.one(task.label)
        some = text.split(task.separator) if task.separator else [text]
        return tuple(one.replace(task.blanks, " ").strip() if task.blanks else one.strip() for one in some)

    return labels


def _of_one_row(rows: Sequence[Row], labels: Callable[[Row], tuple[str, ...]]) -> tuple[str, ...]:
    if len(rows) > 1:
        raise ConfigError(f"{rows[1].place}: a second row of the item at {rows[0].place}; a class is told once")
    return labels(rows[0])


def class_names(classes: Classes, root: Path) -> dict[str, str]:
    """Names by label, in the order of their file; none where labels are their own names."""
    if classes.path is None:
        return dict(classes.names)
    path = locate(classes.path, root) if classes.path.startswith(SHIPPED) else root / classes.path
    named: dict[str, str] = {}
    for place, label, name in _pairs(classes, path):
        if label in named:
            raise ConfigError(f"{place}: {label!r:.80} is a class already")
        named[label] = name
    if not named:
        raise ConfigError(f"{path} names no classes")
    return named


def _pairs(classes: Classes, path: Path) -> Iterator[tuple[str, str, str]]:
    if path.suffix == ".csv":
        table = TableRows(format="table", path=path.name)
        yield from ((r.place, r.one(classes.label), r.one(classes.name)) for r in annotations.read(table, path.parent))
        return
    for number, line in enumerate(text_of(path).split("\n"), 1):
        if line.strip() and not line.startswith("#"):
            label, tab, name = line.strip().partition("\t")
            yield f"{path}:{number}", label.strip(), name.strip() if tab else label.strip()
