"""The pages agree with the code and with each other, and the files of the repository name no machine."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import PAGES, ROOT, blocks
from vidal.engine.errors import VidalError
from vidal.pipeline import Pipeline, load_pipeline
from vidal.project import open_project

LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
PIPELINES = sorted((ROOT / "pipelines").glob("*.yaml"))
NEEDS_WEIGHTS = frozenset({"modern", "vidal-10m", "vidal-release"})
"""Pipelines that name a folder of weights nobody may ship."""
REGISTRIES = ("pypi" + ".org", "pythonhosted" + ".org", "conda.anaconda" + ".org", "registry.npmjs" + ".org")
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:home|root|work|Users|opt|mnt)/\w")


def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.splitlines()]


def text_of(path: Path) -> str:
    """A file's text; none for what is no text, or has been removed."""
    content = path.read_bytes() if path.is_file() else b"\0"
    return "" if b"\0" in content[:8192] else content.decode("utf-8", "replace")


def test_the_page_of_the_pipeline_file_is_up_to_date() -> None:
    made = generator()
    assert made.TARGET.read_text(encoding="utf-8") == made.page(Pipeline.model_json_schema()), "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_resolve(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_is_reached_from_the_readme() -> None:
    targets = {(ROOT / target).resolve() for target in LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))}
    assert {page.resolve() for page in PAGES if page.name != "README.md"} <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_shown_are_settings(page: Path) -> None:
    """A YAML block that shows sections of the pipeline file fits its schema."""
    for text in blocks(page, "yaml"):
        shown = yaml.safe_load(text)
        if shown.keys() <= Pipeline.model_fields.keys():
            source = {"type": "local", "name": "clips", "path": "clips"}
            harvest = {"sources": [source], **shown.pop("harvest", {})}
            Pipeline.model_validate({"name": "x", "workspace": "w", "harvest": harvest, **shown})


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_a_pipeline_that_comes_with_vidal_is_valid(path: Path) -> None:
    load_pipeline(path, [])
    if path.stem in NEEDS_WEIGHTS:
        with pytest.raises(VidalError, match=re.escape("checkpoint './checkpoints/srgb-tir' does not exist")):
            open_project(path, [])
        open_project(path, ["generate.infrared=null"])
    else:
        open_project(path, [])


def test_the_readme_names_every_pipeline() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.stem for path in PIPELINES if f"`{path.stem}`" not in readme] == []


def test_the_check_of_the_repository_runs_the_readmes_test_command() -> None:
    assert "\nmake test\n" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_no_file_names_a_registry_host() -> None:
    found = [(path.name, host) for path in tracked() for host in REGISTRIES if host in text_of(path)]
    assert found == []


def test_no_file_names_a_path_of_a_machine() -> None:
    found = [(str(path), match[0]) for path in tracked() for match in [MACHINE_PATH.search(text_of(path))] if match]
    assert found == []


def test_a_path_of_a_machine_is_seen() -> None:
    assert MACHINE_PATH.search('open("' + "/ho" + 'me/someone/x")')
    assert not MACHINE_PATH.search("https://example.org/home/x ./work/x")
