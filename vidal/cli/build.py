"""`vidal build`."""

from __future__ import annotations

from typing import Annotated

import typer

from vidal.cli.options import DEFAULT_PIPELINE, JsonOption, PipelineArgument, SetOption, observer, print_json


def build(
    pipeline: PipelineArgument = DEFAULT_PIPELINE,
    stage: Annotated[
        list[str] | None, typer.Option(help="Run this stage only; may be given more than once.", metavar="STAGE")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Take up at most this many samples per step.")] = None,
    runner: Annotated[str | None, typer.Option(help="auto, local or ray.", metavar="RUNNER")] = None,
    address: Annotated[str | None, typer.Option(help="Address of a running Ray cluster.")] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed samples again.")] = False,
    error_class: Annotated[
        list[str] | None, typer.Option("--class", metavar="CLASS", help="With --retry-failed: only these failures.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is pending and do nothing.")] = False,
    assignments: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """Build the dataset of a pipeline file: continue where the last build stopped, do only what is missing.

    Exit codes: 0 done; 1 done, but more samples failed than the pipeline tolerates, or some were left pending because a
    site or the network did not answer; 2 usage or configuration error.
    """
    from dataclasses import asdict

    from vidal.engine.build import Options, above_tolerance
    from vidal.engine.errors import ConfigError
    from vidal.pipeline import STAGES
    from vidal.project import open_project, run
    from vidal.status import step_statuses

    if unknown := [name for name in stage or () if name not in STAGES]:
        raise ConfigError(f"--stage {unknown[0]}: no such stage; stages are {', '.join(STAGES)}")
    chosen = [f"runner.kind={runner}"] if runner else []
    chosen += [f"runner.address={address}"] if address else []
    project = open_project(pipeline, [*(assignments or []), *chosen], stage or ())
    if error_class and not retry_failed:
        raise ConfigError("--class says which failed samples to try again; add --retry-failed")
    classes = frozenset(error_class or ()) if retry_failed else None
    options = Options(stages=tuple(stage or ()), limit=limit, retry_failed=classes)
    if dry_run:
        found = [asdict(status) for status in step_statuses(project.build(options))]
        if json_output:
            print_json(found)
        for status in [] if json_output else found:
            samples = "" if status["pending"] is None else f"{status['pending']} samples pending"
            typer.echo(f"{status['step']:<20} {status['state']:<8} {samples}".rstrip())
            for line in status["forecast"]:
                typer.echo(f"  {line}")
        return
    reports = run(project, options, observer(json_output))
    over = above_tolerance(reports, project.pipeline.tolerance)
    left = {report.step: sum(report.pending.values()) for report in reports if report.pending}
    if json_output:
        print_json({"steps": [asdict(report) for report in reports], "above_tolerance": over, "left_pending": left})
    elif over:
        share = project.pipeline.tolerance
        typer.echo(f"more than {share:.0%} of the samples failed in {', '.join(over)}; see `vidal failures`", err=True)
    if left and not json_output:
        steps = ", ".join(f"{number} in {step}" for step, number in left.items())
        typer.echo(f"samples left pending: {steps}; run the same command again later to take them up", err=True)
    if over or left:
        raise typer.Exit(1)
