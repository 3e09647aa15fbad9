"""Commands shown on the pages exist with the options shown, and those of a first dataset run as shown."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from tests.docs.footage import film
from tests.docs.pages import PAGES, ROOT, blocks, commands
from vidal.cli.app import app

README = ROOT / "README.md"
SHARD_FORMAT = ROOT / "docs" / "shard-format.md"
SHOWN = [(page.name, words) for page in PAGES for words in commands(page)]


def parse(words: list[str]) -> None:
    """Parse a command as the program would, running nothing. Raises what the program would say of a wrong one."""
    command, rest = typer.main.get_command(app), list(words)
    while known := getattr(command, "commands", None):
        if not rest or rest[0] not in known:
            raise LookupError(f"no command {rest[:1]}")
        command = known[rest.pop(0)]
    command.make_context(command.name, rest)


@pytest.mark.parametrize("words", [words for _, words in SHOWN], ids=[f"{n}: {' '.join(w)}" for n, w in SHOWN])
def test_a_command_shown_can_be_given(words: list[str]) -> None:
    parse(words)


@pytest.mark.parametrize("words", [["bild"], ["build", "--no-such-option"], ["models", "burn"], ["inspect"]])
def test_a_wrong_command_is_seen(words: list[str]) -> None:
    with pytest.raises(Exception, match=r"(?i)no command|no such option|missing parameter"):
        parse(words)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with two clips, one of them with texts, as the README has it."""
    made = tmp_path_factory.mktemp("my-dataset")
    (made / "clips").mkdir()
    shutil.copy(film("carphone_pristine"), made / "clips" / "call.mp4")
    shutil.copy(film("bigbuckbunny"), made / "clips" / "rabbit.mp4")
    (made / "clips" / "rabbit.txt").write_text("A rabbit wakes up in a meadow", encoding="utf-8")
    yield made


def run(folder: Path, *command: str) -> str:
    ended = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def built(folder: Path) -> tuple[Path, str]:
    """The folder after every command of the README, in order, and all that they printed."""
    return folder, "".join(run(folder, "-m", "vidal", *words) for words in commands(README))


def test_the_first_dataset_of_the_readme_is_built_and_whole(built: tuple[Path, str]) -> None:
    assert "nothing wrong in 1 shards, 2 samples" in built[1]


@pytest.mark.parametrize("words", list(commands(SHARD_FORMAT)), ids=" ".join)
def test_the_commands_of_the_shard_format_run(built: tuple[Path, str], words: list[str]) -> None:
    assert run(built[0], "-m", "vidal", *words)


@pytest.mark.parametrize("page", [README, SHARD_FORMAT], ids=lambda page: page.name)
def test_the_readers_shown_read_the_shards(built: tuple[Path, str], page: Path) -> None:
    for source in blocks(page, "python"):
        assert len(run(built[0], "-c", source).splitlines()) == 2


def test_a_second_build_finds_nothing_to_do(built: tuple[Path, str]) -> None:
    lines = run(built[0], "-m", "vidal", "build").splitlines()
    assert lines and all("done 0" in line for line in lines)
