"""Finding the files of declared corpora: manifests, globs, packages, and what to say where one is missing."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vidal.engine.config import load
from vidal.engine.errors import ConfigError, MissingError
from vidal.resources import SHIPPED, locate, shipped_root
from vidal.terms.config import Corpus, Format, Manifest, TermsConfig, TermSource

PACKAGE = "package:"
FORMATS: dict[str, Format] = {
    ".txt": "txt", ".csv": "csv", ".tsv": "tsv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".parquet": "parquet",
}  # fmt: skip
NEED_FIELD = frozenset({"csv", "tsv", "json", "jsonl", "parquet"})


@dataclass(frozen=True)
class Found:
    """A corpus with the files it was found in, in order of name; none where it is absent."""

    corpus: TermSource
    files: tuple[Path, ...]


def declared(config: TermsConfig, base: Path) -> list[Found]:
    """Every source of a `terms` section with its files. Raises ConfigError, or MissingError for a required source."""
    found = [_found(source, base) for source in config.sources]
    for reference in config.manifests:
        manifest = load(Manifest, locate(reference, base), [])
        found += [_found(source, base / config.corpora) for source in manifest.sources]
    names = [one.corpus.name for one in found]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"terms: two sources are named {twice[0]}; name them apart")
    return found


def files_of(corpus: Corpus, base: Path) -> tuple[Path, ...]:
    """The files of a corpus, checked for a format that can be read. None where there are none."""
    pattern = _pattern(corpus, base)
    files = tuple(Path(name) for name in sorted(glob.glob(str(pattern), recursive=True)) if Path(name).is_file())
    for path in files:
        if format_of(corpus, path) in NEED_FIELD and corpus.field is None:
            raise ConfigError(f"terms source {corpus.name}: {path} needs `field`, the column or path of its texts")
    return files


def format_of(corpus: Corpus, path: Path) -> Format:
    """The stated format, or that of the file's name. Raises ConfigError where neither is known."""
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if corpus.format is None and suffix.lower() not in FORMATS:
        raise ConfigError(f"terms source {corpus.name}: the name of {path} tells no format; set `format`")
    return corpus.format or FORMATS[suffix.lower()]


def missing(corpus: TermSource, base: Path) -> str:
    """One line: what is absent, what that costs, and where it comes from."""
    cost = f"{corpus.entries:,} {corpus.kind}" if corpus.entries else f"its {corpus.kind}"
    origin = f"; get it from {corpus.origin}" if corpus.origin else ""
    return f"{corpus.name} is absent ({cost}): no file at {_pattern(corpus, base)}{origin}"


def absent(found: Sequence[Found]) -> list[TermSource]:
    """The sources without a file."""
    return [one.corpus for one in found if not one.files]


def _found(source: TermSource, base: Path) -> Found:
    files = files_of(source, base)
    if not files and source.required:
        raise MissingError(f"terms source {missing(source, base)}")
    return Found(source, files)


def _pattern(corpus: Corpus, base: Path) -> Path:
    if corpus.path.startswith(SHIPPED):
        return shipped_root() / corpus.path.removeprefix(SHIPPED)
    if corpus.path.startswith(PACKAGE):
        name, _, inside = corpus.path.removeprefix(PACKAGE).partition("/")
        spec = find_spec(name)
        folder = Path(next(iter(spec.submodule_search_locations or ()))) if spec else Path(f"<package {name}>")
        return folder / inside
    return base / Path(corpus.path).expanduser()
