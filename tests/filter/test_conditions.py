from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.errors import ConfigError
from vidal.filter.conditions import check, connect, values
from vidal.filter.config import FilterConfig, RuleConfig
from vidal.filter.quality import Quality
from vidal.filter.scores import Scores
from vidal.filter.sound import Sound
from vidal.filter.verdicts import FilterVerdicts
from vidal.harvest.config import HarvestConfig
from vidal.harvest.sources.local import LocalConfig
from vidal.harvest.stage import harvest

TYPES = {
    "kind": pa.string(),
    "duplicate": pa.bool_(),
    "seconds": pa.float64(),
    "width": pa.int32(),
    "motion": pa.float32(),
    "clip_title": pa.float32(),
}
SECRET = "no condition has read this"


def rule(where, name="r", action="drop"):
    return RuleConfig(name=name, where=where, action=action)


def rows(**columns):
    return pa.table({name: pa.array(values, TYPES[name]) for name, values in columns.items()})


@pytest.mark.parametrize(
    "where",
    [
        "clip_title < 0.18",
        "clip_title < 0.18 OR motion IS NULL",
        "duplicate",
        "NOT duplicate AND kind = 'video'",
        "MOTION BETWEEN 0.1 AND 0.9",
        "kind IN ('video', 'audio')",
        "kind LIKE 'v%' AND kind NOT LIKE '%o'",
        "abs(motion - clip_title) > 0.5 AND round(seconds, 1) = 2.5",
        "coalesce(clip_title, 0) < 0.1 AND greatest(motion, clip_title) > 0",
        "CASE WHEN kind = 'video' THEN motion < 0.1 ELSE false END",
        "width::DOUBLE / 2 > 100 -- half",
        "isnan(motion) OR kind IS DISTINCT FROM 'audio'",
    ],
)
def test_conditions_over_the_scores_pass(where):
    check([rule(where)], TYPES)


def refusal(where, types=TYPES):
    """What is said of a rule that comes after a good one."""
    with pytest.raises(ConfigError) as caught:
        check([rule("duplicate", "first"), rule(where, "guilty")], types)
    said = str(caught.value)
    assert said.startswith(f"filter.rules.1.where: guilty: {where!r}") and "\n" not in said.replace(where, "")
    return said


@pytest.mark.parametrize("where", ["loudness < 1", "clip_titel < 0.2", "id = 'a'", "part = 0", "media.motion < 1"])
def test_an_unknown_column_is_named_with_those_there_are(where):
    said = refusal(where)
    assert where.split()[0].split(".")[0] in said
    assert "the scores are: clip_title, duplicate, kind, motion, seconds, width" in said


@pytest.mark.parametrize("where", ["motion", "kind", "1", "NULL", "motion + 1", "'true'", "*", "[duplicate]"])
def test_what_is_no_condition_is_refused(where):
    assert "not a condition" in refusal(where)


@pytest.mark.parametrize(
    "where",
    ["kind > 3", "motion = 'loud'", "kind::INT > 3", "motion LIKE 'a%'", "duplicate > 'maybe'", "kind AND true"],
)
def test_a_comparison_of_the_wrong_type_is_refused_before_anything_runs(where):
    assert "Error" in refusal(where)


@pytest.mark.parametrize(
    "where", ["", "   ", "motion <", "motion < 1)", "(motion < 1", "motion < 1, true", "= 3", "--"]
)
def test_what_is_no_sql_is_refused(where):
    refusal(where)


@pytest.mark.parametrize(
    "where",
    [
        "random() < 0.5",
        "now() > '2020-01-01'",
        "current_date > '2020-01-01'",
        "CURRENT_TIMESTAMP > '2020-01-01'",
        "ago(INTERVAL 1 DAY) > '2020-01-01'",
        "uuid() < 'a'",
        "count(*) > 0",
        "motion < avg(motion)",
        "row_number() OVER () > 1",
        "motion < avg(motion) OVER ()",
        "unnest([true, false])",
        "current_setting('threads') = '1'",
        "(SELECT true)",
        "EXISTS (SELECT 1)",
        "motion NOT IN (SELECT 1)",
        "motion < ALL (VALUES (1))",
        "(FROM duckdb_settings() SELECT count(*)) > 0",
        "(WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT 1 FROM t) SELECT true FROM t LIMIT 1)",
        "error('stop') IS NULL",
        "write_log('said') IS NULL",
        "nextval('s') > 0",
        "? < 1",
        "$motion < 1",
    ],
)
def test_a_condition_sees_one_sample_and_neither_time_nor_chance(where):
    refusal(where)


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.csv"
    path.write_text(f"line\n{SECRET}\n")
    return path


READS = [
    "(SELECT count(*) FROM read_csv('{secret}')) > 0",
    "(SELECT count(*) FROM '{secret}') > 0",
    "(SELECT content FROM read_text('{secret}')) = 'x'",
    "(SELECT content FROM read_blob('{secret}')) IS NULL",
    "EXISTS (FROM glob('{folder}/*'))",
    "(SELECT count(*) FROM sniff_csv('{secret}')) > 0",
    "(SELECT count(*) FROM read_parquet('http://127.0.0.1:9/x')) > 0",
    "motion::INT = (SELECT line::INT FROM read_csv('{secret}'))",
    "getenv('HOME') = 'x'",
    "(SELECT count(*) FROM read_csv('/etc/passwd')) > 0",
]
WRITES = [
    "COPY (SELECT 1) TO '{folder}/written.csv'",
    "ATTACH '{folder}/written.db' AS d",
    "EXPORT DATABASE '{folder}/written'",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET temp_directory = '{folder}/written'",
    "PRAGMA enable_profiling = 'json'",
    "INSTALL httpfs",
    "LOAD '{folder}/written.duckdb_extension'",
    "CREATE TABLE written AS SELECT 1",
    "DROP TABLE scores",
    "SELECT 1",
]
SHAPES = ["{0}", "true; {0}", "true); {0}; SELECT (true", "true; {0} --", "true) FROM scores; {0}; SELECT (true"]


@pytest.mark.parametrize("where", READS)
def test_conditions_read_no_file(where, secret):
    said = refusal(where.format(secret=secret, folder=secret.parent))
    assert SECRET not in said


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("statement", WRITES)
def test_conditions_write_no_file_and_carry_no_statement(shape, statement, secret):
    refusal(shape.format(statement.format(folder=secret.parent)))
    assert [path.name for path in secret.parent.iterdir()] == ["secret.csv"]


@pytest.mark.parametrize(
    "where", ["true) AS x, (false", "true) WHERE (false", "true UNION SELECT false", "true, false"]
)
def test_a_condition_cannot_close_its_parenthesis(where):
    refusal(where)


def test_the_database_itself_has_no_way_to_files_and_cannot_be_given_one(secret):
    import duckdb

    connection = connect()
    for statement in (
        f"SELECT * FROM read_csv('{secret}')",
        f"COPY (SELECT 1) TO '{secret.parent}/written.csv'",
        f"ATTACH '{secret.parent}/written.db'",
        "SET enable_external_access = true",
        "SET memory_limit = '1GB'",
    ):
        with pytest.raises(duckdb.Error):
            connection.execute(statement)
    assert [path.name for path in secret.parent.iterdir()] == ["secret.csv"]


def test_names_of_our_own_variables_are_no_tables():
    for name in ("table", "numbered", "types", "rules", "scores"):
        refusal(f"(SELECT count(*) FROM {name}) > 0")


def said(table, where):
    """What a condition says of each row."""
    return values(table, [rule(where)])["rule_0"].to_pylist()


def test_what_needs_a_null_is_null():
    table = rows(motion=[0.1, None, 0.9], kind=["video", None, "audio"])
    assert said(table, "motion < 0.5") == [True, None, False]
    assert said(table, "NOT (motion < 0.5)") == [False, None, True]
    assert said(table, "motion IS NULL") == [False, True, False]
    assert said(table, "motion < 0.5 OR kind = 'audio'") == [True, None, True]
    assert said(table, "motion < 0.5 AND kind = 'audio'") == [False, None, False]
    assert said(table, "true") == [True, True, True]


def test_every_rule_has_a_column_and_every_row_its_place():
    table = rows(motion=[0.4, 0.2, 0.9, 0.2], kind=["video"] * 4)
    found = values(
        table, [rule("motion < 0.3"), rule("share_below(motion) < 0.5", "low"), rule("kind = 'audio'", "no")]
    )
    assert found.to_pydict() == {
        "rule_0": [False, True, False, True],
        "rule_1": [False, True, False, True],
        "rule_2": [False] * 4,
    }
    assert values(table.slice(0, 0), [rule("motion < 0.3")]).to_pydict() == {"rule_0": []}


def test_the_share_below_is_of_the_same_kind_and_of_those_that_have_the_score():
    table = rows(
        motion=[0.1, 0.2, 0.2, 0.4, None, 5.0, 1.0],
        kind=["video", "video", "video", "video", "video", "audio", "audio"],
    )
    for share, expected in ((0.25, [True] + [False] * 3), (0.26, [True] * 3 + [False]), (0.8, [True] * 4)):
        assert said(table, f"share_below(motion) < {share}")[:4] == expected
    assert said(table, "share_below(motion) < 0.5")[4:] == [None, False, True]
    assert said(table, "share_below(2 * motion) >= 0.5 AND motion > 0.3")[3] is True


@given(st.lists(st.none() | st.floats(-1, 1, width=32), max_size=30), st.floats(0, 1))
def test_a_quantile_drops_no_more_than_its_share(scores, share):
    table = rows(motion=scores, kind=["video"] * len(scores))
    found = said(table, f"share_below(motion) < {share!r}::DOUBLE")
    known = [score for score in scores if score is not None]
    below = [None if s is None else sum(other < s for other in known) / len(known) < share for s in scores]
    assert found == below


@pytest.mark.parametrize(
    "where",
    ["share_below(motion, width) < 1", "share_below() < 1", "share_below(share_below(motion)) < 1",
     "share_below(motin) < 1", "share_below(motion)", "share_below(count(*)) < 1"],
)  # fmt: skip
def test_a_share_of_what_is_no_score_is_refused(where):
    refusal(where)


def test_a_condition_that_fails_on_a_sample_is_named():
    table = rows(kind=["7", "audio"])
    guilty = [rule("kind = '7'", "first"), rule("kind::INT > 3", "numbers")]
    with pytest.raises(ConfigError, match=r"filter\.rules\.1\.where: numbers: 'kind::INT > 3': Conversion Error"):
        values(table, guilty)


@given(st.lists(st.none() | st.floats(-1, 1, width=32), max_size=40), st.floats(-1, 1, width=32))
def test_a_threshold_holds_for_what_is_below_it(scores, threshold):
    found = said(rows(motion=scores), f"motion < {threshold!r}::FLOAT")
    assert found == [None if score is None else score < threshold for score in scores]


def verdicts_of(*rules):
    found = harvest(HarvestConfig(sources=(LocalConfig(type="local", name="clips", path="."),)), Path(), 4)
    return FilterVerdicts(rules, Scores(found.media, found.admit, (Quality(), Sound())))


def test_the_default_rules_fit_the_scores_that_are_always_there():
    verdicts_of(*FilterConfig().rules)


def test_a_rule_on_a_score_not_computed_is_refused_when_the_build_is_planned():
    with pytest.raises(ConfigError, match=r"filter\.rules\.0\.where: mismatch: 'clip_title < 0\.2'.*the scores are: "):
        verdicts_of(rule("clip_title < 0.2", "mismatch"))
