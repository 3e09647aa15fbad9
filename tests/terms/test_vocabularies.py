from __future__ import annotations

from pathlib import Path

import pytest

from vidal.engine.config import load
from vidal.resources import SHIPPED, shipped_root
from vidal.terms.config import Manifest, TermsConfig, TermSource
from vidal.terms.corpora import PACKAGE, absent, declared, files_of, format_of, missing
from vidal.terms.normalise import normalise
from vidal.terms.read import slices, texts

FOLDER = shipped_root() / "manifests/terms"
MANIFEST = FOLDER / "vidal-10m.yaml"
LISTS = sorted(path for path in FOLDER.glob("*.txt") if not path.name.startswith("demo-"))
EXTERNAL = ["youtube-8m", "msr-vtt", "coco-captions", "howto100m", "ucf-101"]
PUBLISHED = {
    "audioset.txt": 632 - 89,  # the paper's nodes without those that the ontology restricts
    "ava.txt": 80,
    "coco.txt": 80,
    "hmdb-51.txt": 51,
    "kinetics-400.txt": 400,
    "lvis.txt": 1203,
    "places-365.txt": 365,
    "vggsound.txt": 309,
}


def header(path: Path) -> dict[str, str]:
    lines = [line[2:] for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("# ")]
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def labels(path: Path) -> list[str]:
    return [text for part in slices(path, "txt", None) for text in texts(part)]


def sources() -> tuple[TermSource, ...]:
    return load(Manifest, MANIFEST, []).sources


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.name)
def test_a_list_says_what_it_is_and_holds_each_label_once(path):
    said, found = header(path), labels(path)
    assert said["Source"] and said["Licence"]
    assert int(said["Entries"].replace(",", "")) == len(found) == PUBLISHED.get(path.name, len(found))
    assert len({normalise(label) for label in found} - {""}) == len(found)


def test_every_list_is_declared_and_every_public_one_has_its_licence_on_the_page():
    declared_paths = {source.path for source in sources()}
    page = shipped_root() / "docs/licences.md"
    for path in LISTS:
        assert f"{SHIPPED}manifests/terms/{path.name}" in declared_paths
        assert f"`{path.name}`" in page.read_text(encoding="utf-8")


def test_declared_corpora_have_names_counts_and_licences_of_their_own():
    names = [source.name for source in sources()]
    assert len(set(names)) == len(names)
    for source in sources():
        assert source.entries and source.licence and (source.origin or source.licence == "Apache-2.0"), source.name


def test_what_comes_with_vidal_is_there_in_the_number_and_under_the_licence_declared(tmp_path):
    shipped = [source for source in sources() if source.path.startswith((SHIPPED, PACKAGE))]
    for source in shipped:
        (path,) = files_of(source, tmp_path)
        read = [text for part in slices(path, format_of(source, path), source.field) for text in texts(part)]
        assert len(read) == source.entries, source.name
        if source.path.startswith(SHIPPED):
            assert source.licence.split(" with ")[0] in header(path)["Licence"]
    assert [source.name for source in sources() if source not in shipped] == EXTERNAL


def test_without_the_external_corpora_the_rest_is_found_and_each_absence_has_its_price_and_origin(tmp_path):
    found = declared(TermsConfig(manifests=(f"{SHIPPED}manifests/terms/vidal-10m.yaml",)), tmp_path)
    lost = absent(found)
    assert [corpus.name for corpus in lost] == EXTERNAL
    for corpus in lost:
        message = missing(corpus, tmp_path / "corpora")
        assert f"{corpus.entries:,} {corpus.kind}" in message and corpus.origin in message
        assert str(tmp_path / "corpora" / corpus.path) in message


@pytest.mark.parametrize(
    ("name", "file", "content", "read"),
    [
        (
            "youtube-8m",
            "youtube-8m/vocabulary.csv",
            "Index,TrainVideoCount,KnowledgeGraphId,Name,WikiUrl,Vertical1,Vertical2,Vertical3,WikiDescription\n"
            '0,788288,/m/03bt1gh,Game,https://en.wikipedia.org/wiki/Game,Games,,,"Play, with rules."\n',
            ["Game"],
        ),
        (
            "msr-vtt",
            "msr-vtt/test_videodatainfo.json",
            '{"videos": [], "sentences": [{"caption": "a dog runs", "video_id": "video7010", "sen_id": 1}]}',
            ["a dog runs"],
        ),
        (
            "coco-captions",
            "coco/captions_val2017.json",
            '{"images": [], "annotations": [{"image_id": 1, "id": 2, "caption": "A dog runs."}]}',
            ["A dog runs."],
        ),
        ("howto100m", "howto100m/task_ids.csv", "52907\tRide a Motorcycle, Safely\n", ["Ride a Motorcycle, Safely"]),
        ("ucf-101", "ucf-101/ucf-101.txt", "apply eye makeup\n", ["apply eye makeup"]),
    ],
)
def test_an_external_corpus_is_read_in_the_form_it_is_published_in(tmp_path, name, file, content, read):
    path = tmp_path / "corpora" / file
    path.parent.mkdir(parents=True)
    path.write_text(content, encoding="utf-8")
    found = declared(TermsConfig(manifests=(str(MANIFEST),)), tmp_path)
    (one,) = (one for one in found if one.corpus.name == name)
    assert one.files == (path,)
    assert list(texts(slices(path, format_of(one.corpus, path), one.corpus.field)[0])) == read
