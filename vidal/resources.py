"""The files that come with vidal (pipelines, prompts, manifests) and how a pipeline file names its own."""

from __future__ import annotations

from pathlib import Path

from vidal.engine.errors import ConfigError, MissingError

SHIPPED = "vidal:"


def shipped_root() -> Path:
    """The folder that holds `pipelines/`, `prompts/` and `manifests/`: in an installed package, or in a checkout."""
    package = Path(__file__).parent
    installed = package / "shipped"
    return installed if installed.is_dir() else package.parent


def locate(reference: str, base: Path) -> Path:
    """The file behind a reference: `vidal:prompts/refine.j2` comes with vidal, another path is relative to `base`.

    Raises MissingError naming the reference and where it was looked for.
    """
    if reference.startswith(SHIPPED):
        path = shipped_root() / reference.removeprefix(SHIPPED)
    else:
        path = base / Path(reference).expanduser()
    if not path.exists():
        raise MissingError(f"{reference}: not found at {path}; paths are relative to the pipeline file")
    return path


def read_lines(reference: str, base: Path) -> list[str]:
    """The lines of a list that are neither empty nor comments, without the spaces around them. Raises as `locate` and
    `read_text` do."""
    text = read_text(locate(reference, base)).removeprefix("\ufeff")
    return [line for line in map(str.strip, text.split("\n")) if line and not line.startswith("#")]


def read_text(path: Path) -> str:
    """The content of a UTF-8 file. Raises ConfigError naming the file where it is none."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as UTF-8 text: {error}") from error
