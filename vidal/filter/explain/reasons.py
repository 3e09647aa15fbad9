"""Why one sample is kept or dropped, or never came to the filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from vidal.engine import forgotten
from vidal.engine.build import Build
from vidal.engine.commits import Row, Store
from vidal.engine.errors import ConfigError
from vidal.engine.step import OK, Step
from vidal.filter.config import RuleConfig
from vidal.filter.explain.comparisons import columns
from vidal.filter.explain.cuts import cuts
from vidal.filter.explain.judgement import Judgement, judge
from vidal.filter.explain.sheet import CANDIDATES, MEDIA, title_of
from vidal.filter.scores import DUPLICATE_OF, FACTS, Scores
from vidal.filter.tables import DUPLICATES
from vidal.harvest import names

HOLDS, FALLS_SHORT, UNTOLD, OTHER_KIND = "holds", "does not hold", "cannot be told", "is for other kinds"
WAITING, FORGOTTEN = "waiting", "forgotten"


@dataclass(frozen=True)
class Departure:
    """Where a sample left the build before the filter. `status` is rejected by a rule, failed with an error class, or
    waiting, where the step has not taken it up, or forgotten; `why` is the rule or the class, `message` the error's."""

    step: str
    status: str
    why: str | None = None
    message: str | None = None


@dataclass(frozen=True)
class Compared:
    """What a rule compares, and how it stands: `score` against `threshold` by `operator`. Of a quantile the threshold
    is the least score above it, None where there is none, and `quantile` the share asked for."""

    name: str
    score: float
    operator: str
    threshold: float | None
    quantile: float | None


@dataclass(frozen=True)
class RuleReason:
    """What a rule says of a sample: its condition (`says`), and the rule with its kinds and `missing` (`holds`).

    `decides`: it is the first that holds and drops or keeps. `scores` are those that the condition names, `unknown` why
    some of them are null, `compared` what it compares with numbers.
    """

    rule: RuleConfig
    says: str
    holds: bool
    decides: bool
    scores: Mapping[str, Any] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    compared: tuple[Compared, ...] = ()


@dataclass(frozen=True)
class Media:
    """Where the media of a sample lie: a tar of the workspace, and the names of its members with their bytes."""

    tar: str
    members: Mapping[str, int]


@dataclass(frozen=True)
class Reason:
    """All there is to say of a sample. `departure` is None for one that has come to the filter; `scores` are by step,
    `failed` the message of each step that failed, `same_as` what it is a duplicate of, by the name that rules use."""

    id: str
    kind: str
    title: str
    url: str | None
    departure: Departure | None = None
    media: Media | None = None
    scores: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    same_as: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[RuleReason, ...] = ()
    kept: bool = False
    rule: str | None = None
    flags: tuple[str, ...] = ()


def reason(build: Build, table: pa.Table, rules: Sequence[RuleConfig], key: str) -> Reason:
    """Why the sample named by `key`, its id or another name that `vidal forget` knows it by, is kept or dropped.

    `table` is all that rules may ask (`scores.judged`). Raises ConfigError for a key that names no sample or several,
    and for a rule that fails on a row's values.
    """
    found = _meant(build, table, key)
    if found is None:
        return Reason(key, "", "", None, Departure("forget", FORGOTTEN))
    id_, part = found
    candidate = _row(build.store(CANDIDATES), part, id_, "kind", "title", "hashtags", "url")
    sample = Reason(id_, candidate["kind"], title_of(candidate), candidate["url"], media=_media(build, part, id_))
    position = table["id"].index(id_).as_py()
    if position < 0:
        return replace(sample, departure=_departure(build, part, id_))
    judgement = judge(table, rules)
    [row], [verdict] = (one.slice(position, 1).to_pylist() for one in (table, judgement.verdicts))
    failed = {name: _error(build, name, part, id_) for name in row["failed"]}
    steps = [node for node in build.nodes if isinstance(node, Step) and node.stage == "filter"]
    known = _Known(steps, row, failed)
    return replace(
        sample,
        scores=_scores(steps, row),
        failed=failed,
        same_as=_same_as(build, position),
        rules=tuple(_rule(judgement, number, position, known) for number in range(len(rules))),
        kept=verdict["kept"],
        rule=verdict["rule"],
        flags=tuple(verdict["flags"]),
    )


def _meant(build: Build, table: pa.Table, key: str) -> tuple[str, int] | None:
    """The id of the sample that a key names, and its part; None for one that was taken down."""
    if (position := table["id"].index(key).as_py()) >= 0:
        return key, table["part"][position].as_py()
    called = names.of_entry(key)
    found: dict[str, int] = {}
    for rows in build.store(CANDIDATES).tables(["url"]):
        for row in rows.to_pylist():
            if row["id"] == key:
                return key, row["part"]
            if not called.isdisjoint(names.of_candidate(row["id"], row["url"])):
                found[row["id"]] = row["part"]
    if len(found) > 1:
        raise ConfigError(f"--key {key}: {len(found)} samples are called so: {', '.join(sorted(found)[:5])}")
    if not found and any(name in forgotten.read(build.workspace) for name in called):
        return None
    if not found:
        raise ConfigError(f"--key {key}: no source has found a sample of this id, name or address")
    return found.popitem()


def _row(store: Store, part: int, id_: str, *columns: str) -> Row | None:
    return store.rows(store.pieces().get(part, []), columns).get(id_)


def _media(build: Build, part: int, id_: str) -> Media | None:
    row = _row(build.store(MEDIA), part, id_, "members")
    if row is None or not row["members"]:
        return None
    return Media(f"{MEDIA}/{row.piece.stem}.tar", {member["name"]: member["size"] for member in row["members"]})


def _departure(build: Build, part: int, id_: str) -> Departure:
    """The first step ahead of the scores that lets the sample through no further."""
    scores = next(node for node in build.nodes if isinstance(node, Scores))
    for name in (node.name for node in build.nodes if node.name in {CANDIDATES, *scores.standing, MEDIA}):
        row = _row(build.store(name), part, id_, "status", "rule", "error_class", "error_message")
        if row is None:
            return Departure(name, WAITING)
        if row["status"] != OK:
            return Departure(name, row["status"], row["rule"] or row["error_class"], row["error_message"])
    return Departure(scores.name, WAITING)


def _error(build: Build, step: str, part: int, id_: str) -> str:
    row = _row(build.store(step), part, id_, "error_class", "error_message")
    return f"{row['error_class']}: {row['error_message']}" if row else ""


def _scores(steps: Sequence[Step], row: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The facts of the media and the scores, by step."""
    facts = {MEDIA: {name: row[name] for name in FACTS}}
    return facts | {step.name: {name: row[name] for name in step.published} for step in steps if step.published}


def _same_as(build: Build, position: int) -> dict[str, str]:
    [row] = build.workspace.read_table(DUPLICATES, list(DUPLICATE_OF.values())).slice(position, 1).to_pylist()
    return {name: row[of] for name, of in DUPLICATE_OF.items() if row[of] is not None}


@dataclass(frozen=True)
class _Known:
    """What is known of a sample, and why the rest is not."""

    steps: Sequence[Step]
    row: Mapping[str, Any]
    failed: Mapping[str, str]

    def scores(self, where: str) -> dict[str, Any]:
        """The scores that a condition names."""
        names = {name.lower(): name for name in self.row}
        return {names[name.lower()]: self.row[names[name.lower()]] for name in columns(where)}

    def why_null(self, name: str) -> str:
        step = next((step for step in self.steps if name in step.columns), None)
        if step is None:
            return "it has none"
        if step.name in self.failed:
            return f"{step.name} failed"
        return "does not apply" if self.row["kind"] in step.kinds else f"{step.name} is not for {self.row['kind']}"


def _rule(judgement: Judgement, number: int, position: int, known: _Known) -> RuleReason:
    rule = judgement.rules[number]
    if known.row["kind"] not in rule.kinds:
        return RuleReason(rule, OTHER_KIND, holds=False, decides=False)
    scores = known.scores(rule.where)
    compared = dict.fromkeys(
        Compared(cut.comparison.label, float(cut.scores[position]), cut.comparison.operator, cut.value, cut.quantile)
        for cut in cuts(judgement, number)
        if cut.known[position]
    )
    return RuleReason(
        rule,
        {True: HOLDS, False: FALLS_SHORT, None: UNTOLD}[judgement.told.column(number)[position].as_py()],
        holds=bool(judgement.holds[position, number]),
        decides=judgement.verdicts["rule"][position].as_py() == rule.name,
        scores=scores,
        unknown={name: known.why_null(name) for name, value in scores.items() if value is None},
        compared=tuple(compared),
    )
