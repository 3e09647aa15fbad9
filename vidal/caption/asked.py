"""`caption/keyframes` and `caption/video` by a model that sees, behind an endpoint."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from vidal.caption import wording
from vidal.caption.config import CaptionerConfig, SeeingConfig
from vidal.caption.keyframes import Keyframes
from vidal.caption.llm import Answer, Ask, Endpoint, Rejected, Unacceptable
from vidal.caption.llm.cache import RESPONSES
from vidal.caption.shown import decoded, hint, prompt_of, sha256_of
from vidal.caption.video import VideoCaption
from vidal.engine.commits import Store
from vidal.engine.errors import ConfigError, PendingError
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.engine.workspace import Workspace
from vidal.models.prompts import FRAMES_PROMPT, PICTURE_PROMPT, asked
from vidal.text.words import printable

SPENT = {"prompt_tokens": pa.int64(), "answer_tokens": pa.int64(), RESPONSES: pa.list_(pa.string())}
"""What the answers have cost, and what the cache holds of them."""
SURVEYED = 100
"""Samples that are looked at to tell what asking about all will take."""


class Asked(Step):
    """What both steps do: ask about the pictures as they lie in the workspace, and take what is a caption."""

    kinds = frozenset({"video"})
    gate = "filter/verdicts"
    unpublished = tuple(SPENT)
    resources = Resources(cpus=0.5, batch_size=100_000, actor=True, workers=1)
    usual: str
    """The prompt where the pipeline file names none."""

    def __init__(self, config: CaptionerConfig, base: Path, workspace: Workspace) -> None:
        self.config: SeeingConfig = config.endpoint
        key = f"{self.name.replace('/', '.')}.endpoint"
        if wording.language_name(self.config.language) is None:
            raise ConfigError(f"{key}.language: {self.config.language!r} is no language that can be told from others")
        self.prompt = prompt_of(config, base) or self.usual
        self.endpoint = Endpoint(self.config, workspace, key)

    def settings(self) -> Mapping[str, Any]:
        config = self.config
        rules = {"detail": config.detail, "language": config.language, "max_words": config.max_words}
        return {**config.settings(), **rules, "prompt_sha256": sha256_of(self.prompt)}

    def forecast(self, ids: Iterable[str], stores: Mapping[str, Store]) -> tuple[str, ...]:
        wanted = frozenset(ids)
        surveyed = [self.asks(sample) for sample in itertools.islice(self._samples(wanted, stores), SURVEYED)]
        questions = [ask for one in surveyed for ask in one]
        expected = len(wanted) * len(questions) / max(1, len(surveyed))
        return self.endpoint.forecast(round(expected), questions)

    def _samples(self, wanted: frozenset[str], stores: Mapping[str, Store]) -> Iterator[Sample]:
        """Samples as they will be asked about, part by part."""
        columns = {read.step: (*read.columns, "members") for read in self.reads}
        pieces = {step: stores[step].pieces() for step in columns}
        media = self.reads[0]
        for part in sorted(pieces[media.step]) if wanted else ():
            found = {step: stores[step].rows(pieces[step].get(part, ()), columns[step]) for step in columns}
            ids = sorted(wanted.intersection(*found.values()))
            rows = [found[media.step][id_] for id_ in ids]
            for id_, members in zip(ids, stores[media.step].members(rows, media), strict=True):
                told = {name: value for step in found for name, value in found[step][id_].values.items()}
                yield Sample(id_, "video", told, members, pictures(members))

    def spent(self) -> Mapping[str, float]:
        return self.endpoint.spent()

    def advice(self, pending: Mapping[str, int]) -> tuple[str, ...]:
        return self.endpoint.advice(pending)

    def setup(self) -> None:
        self.endpoint.open()

    def prepare(self, sample: Sample) -> None:
        """What is damaged is not paid for."""
        decoded(sample)
        sample.prepared = pictures(sample.members)

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        asks = [self.asks(sample) for sample in samples]
        answers = iter(self.endpoint.ask_all([ask for one in asks for ask in one]))
        return [self._result(sample, [next(answers) for _ in one]) for sample, one in zip(samples, asks, strict=True)]

    def asks(self, sample: Sample) -> list[Ask[str]]:
        """The questions about a sample."""
        raise NotImplementedError

    def view(self, captions: list[str]) -> dict[str, Any]:
        """The columns of the answers."""
        raise NotImplementedError

    def ask(self, pictures: Sequence[str], hints: str, accept: Callable[[str], str]) -> Ask[str]:
        """One question about some pictures, given as data URIs."""
        look = {"detail": self.config.detail} if self.config.detail else {}
        shown = [{"type": "image_url", "image_url": {"url": picture, **look}} for picture in pictures]
        text = {"type": "text", "text": asked(self.prompt, hints)}
        return Ask([{"role": "user", "content": [*shown, text]}], accept)

    def caption(self, text: str, own: Sequence[str] = (), hashtags: Sequence[str] = ()) -> str:
        """The caption in an answer, on one line. Raises Unacceptable for what is none; `own` and `hashtags` are what
        the model was told of the sample."""
        said = " ".join(text.split())
        wanted = wording.Wanted(self.config.max_words, self.config.language)
        if reason := wording.fault(said, wanted, own, hashtags, self.prompt):
            raise Unacceptable(reason)
        return said

    def _result(self, sample: Sample, answers: Sequence[Answer[str] | Exception]) -> Result:
        """All captions of a sample, or what kept one of them; what is nobody's fault comes first."""
        errors = [answer for answer in answers if isinstance(answer, Exception)]
        paid = [answer for answer in answers if isinstance(answer, Answer | Rejected)]
        if errors:
            first = next((error for error in errors if isinstance(error, PendingError)), errors[0])
            return replace(sample.failed(first), columns=totals(paid))
        return sample.ok({**self.view([answer.value for answer in answers]), **totals(paid)})


class AskedKeyframes(Asked):
    """The view `ofa`: a request for each keyframe.

    One request for all frames of a clip would spare the words of the prompt, some tens of tokens a frame where a
    picture has hundreds; but captions would borrow from each other's frames, and could not be told apart where their
    number is wrong.
    """

    name = Keyframes.name
    reads = Keyframes.reads
    columns = {**Keyframes.columns, **SPENT}
    usual = PICTURE_PROMPT

    def asks(self, sample: Sample) -> list[Ask[str]]:
        return [self.ask([picture], "", self.caption) for picture in sample.prepared]

    def view(self, captions: list[str]) -> dict[str, Any]:
        return {"ofa": captions}


class AskedVideo(Asked):
    """The view `mplug`: one request for each clip, with all its keyframes, title and hashtags."""

    name = VideoCaption.name
    reads = (Read("harvest/media", members=("frm*.jpg",)), Read("harvest/screen", ("title", "hashtags")))
    columns = {**VideoCaption.columns, **SPENT}
    usual = FRAMES_PROMPT

    def asks(self, sample: Sample) -> list[Ask[str]]:
        title, hashtags = sample.columns["title"], list(sample.columns["hashtags"] or ())
        own = [printable(title)]

        def accept(text: str) -> str:
            return self.caption(text, own, hashtags)

        return [self.ask(sample.prepared, hint(sample), accept)]

    def view(self, captions: list[str]) -> dict[str, Any]:
        return {"mplug": captions[0]}


def pictures(members: Mapping[str, bytes]) -> list[str]:
    """The keyframes, as they lie in the workspace, as data URIs in their order."""
    return [f"data:image/jpeg;base64,{base64.b64encode(members[name]).decode()}" for name in sorted(members)]


def totals(paid: Sequence[Answer[str] | Rejected]) -> dict[str, Any]:
    """The columns of SPENT; counts are null where an answer has none."""
    if not paid:
        return {}
    counts = {name: [getattr(one, name) for one in paid] for name in ("prompt_tokens", "answer_tokens")}
    sums = {name: None if None in found else sum(found) for name, found in counts.items()}
    return {**sums, RESPONSES: [name for one in paid for name in one.responses]}
