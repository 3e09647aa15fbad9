"""A source is found by the section it is registered for, wherever its module lies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from vidal.harvest.config import HarvestConfig
from vidal.harvest.sources import _registry, open_source, sections

SOURCE = '''
from typing import Literal
from vidal.engine.config import Section
from vidal.harvest.candidate import Candidate
from vidal.harvest.sources import Name, Source, source_of


class ToyConfig(Section):
    """A toy."""

    type: Literal["toy"]
    name: Name
    size: int = 3


@source_of(ToyConfig)
class Toy(Source):
    searches = "video"

    def __init__(self, config, base, network):
        self.name, self.size = config.name, config.size

    def search(self, query):
        for number in range(self.size):
            yield Candidate(f"{self.name}_{number}", "video", self.name, f"https://toys.example/{number}", query)
'''
USE = """
from pathlib import Path
from vidal.harvest.config import HarvestConfig
from vidal.harvest.sources import open_source

config = HarvestConfig.model_validate({"sources": [{"type": "toy", "name": "mine", "size": 2}]})
source = open_source(config.sources[0], Path())
print([(candidate.id, candidate.title) for candidate in source.search("a ball")])
"""


def run(script, *path):
    root = Path(__file__).parents[3]
    environment = {"PYTHONPATH": ":".join(map(str, (root, *path))), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)


def test_a_module_beside_the_others_needs_no_edit_elsewhere(tmp_path):
    (tmp_path / "toy.py").write_text(SOURCE)
    script = f"import vidal.harvest.sources as sources\nsources.__path__.append({str(tmp_path)!r})\n{USE}"
    done = run(script)
    assert done.stdout == "[('mine_0', 'a ball'), ('mine_1', 'a ball')]\n", done.stderr


def installed(folder, module="toys"):
    """A package that names a module under the entry points of sources, as an installer leaves it."""
    (folder / "toys.py").write_text(SOURCE)
    told = folder / "toys-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(f"[vidal.sources]\ntoy = {module}\n")


def test_another_package_names_its_source_as_an_entry_point(tmp_path):
    installed(tmp_path)
    done = run(USE, tmp_path)
    assert done.stdout == "[('mine_0', 'a ball'), ('mine_1', 'a ball')]\n", done.stderr


def test_an_entry_point_that_cannot_be_loaded_is_one_message(tmp_path):
    installed(tmp_path, "toys_of_others")
    done = run(USE, tmp_path)
    assert done.returncode != 0
    assert "ConfigError: the source toy (toys_of_others) cannot be loaded" in done.stderr.splitlines()[-1]


def test_every_registered_section_is_told_by_its_type():
    sections()
    types = [section.model_fields["type"].annotation.__args__[0] for section in _registry]
    assert len(set(types)) == len(types) and {"freesound", "peertube", "local"} <= set(types)
    for section, made in _registry.items():
        assert "name" in section.model_fields and made.__doc__ and section.__doc__


def test_sections_open_their_own_class(tmp_path):
    config = HarvestConfig.model_validate(
        {"sources": [{"type": "peertube", "name": "a", "url": "https://a.example"}, {"type": "freesound", "name": "b"}]}
    )
    opened = [open_source(section, tmp_path) for section in config.sources]
    assert [(type(source).__name__, source.name, source.searches) for source in opened] == [
        ("PeerTube", "a", "video"),
        ("Freesound", "b", "audio"),
    ]


@pytest.mark.parametrize("wrong", [{"type": "toy", "name": "a"}, {"name": "a"}, {"type": "freesound", "name": "A b"}])
def test_an_unknown_type_or_a_bad_name_is_refused(wrong):
    with pytest.raises(ValidationError):
        HarvestConfig.model_validate({"sources": [wrong]})
