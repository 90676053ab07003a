"""The nightly flow: when, in which order, with which retries. Every step is a function of `reconcile.nightly`.

Tasks pass a folder's name and ids, never frames; nothing is cached; and no exception of a step reaches Prefect, which
stores exception texts in five tables: only its code does. The flow's state comes from the verdict that stands on the
disk, re-read after delivery, and not from the tasks having ended.
"""
# ruff: noqa: E402  what is said to the process and to the environment comes before the import that reads it

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reconcile.machine.process import hush, settle

# Before prefect is imported, and before it starts a server: its database is for the owner only, as all files of ours.
settle()
hush()
# It reads these once. Telemetry has two channels, both on by default; exception and log texts would be copied into its
# database; its server may take longer to start than it waits.
os.environ["DO_NOT_TRACK"] = "1"
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY"] = "false"
os.environ["PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT"] = "false"
os.environ["PREFECT_LOGGING_TO_API_ENABLED"] = "false"
os.environ["PREFECT_RESULTS_PERSIST_BY_DEFAULT"] = "false"
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.schedules import Cron
from prefect.states import Completed, Failed

from reconcile import nightly
from reconcile.config import read_config
from reconcile.errors import ReconcileError
from reconcile.machine.boundary import CODE, guarded
from reconcile.model import Side, Verdict

LONGEST_NAME = 80
"""What the evidence takes of an exception's class (`evidence.details`)."""


class StepFailedError(Exception):
    """A step did not succeed. Holds a code and nothing else."""


def _redacted(step: Callable[[], Any]) -> Any:  # noqa: ANN401
    """The result of a step, or its fault's code: no text of an exception leaves this function."""
    try:
        return guarded(step)
    except ReconcileError as error:
        # For a fault of ours the type, which is no value either, is worth more than the code alone.
        kind = error.problem.rpartition(".")[2]
        named = error.code == CODE and kind.isascii() and kind.isidentifier() and len(kind) <= LONGEST_NAME
        code = f"{error.code} {kind}" if named else error.code
    raise StepFailedError(code)


PASSING = frozenset(("E_CONNECT", "E_NOT_FOUND", "E_READ", "E_UNSTABLE"))
"""Faults that may be gone in a minute: the source is away, or still being written. A cut file stays cut, and a refused
password is never tried again: that locks the account."""


def _may_pass(_task: object, _run: object, state: State[Any]) -> bool:
    try:
        state.result()
    except StepFailedError as error:
        return str(error) in PASSING
    return False


@task(
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_delay_seconds=[10, 60],
    retry_condition_fn=_may_pass,
)
def prepare(job: tuple[str, ...], side: str) -> None:
    """Extract one side. Retried only where that can help."""
    _redacted(lambda: nightly.prepare(nightly.Job(*job), Side(side)))


@task(cache_policy=NO_CACHE, persist_result=False)
def compare(job: tuple[str, ...]) -> str:
    """Compare the two snapshots and render the reports."""
    return str(_redacted(lambda: nightly.compare(nightly.Job(*job))))


@task(cache_policy=NO_CACHE, persist_result=False)
def deliver(job: tuple[str, ...]) -> str:
    """Publish, and read the verdict back from the disk."""
    return str(_redacted(lambda: nightly.finish(nightly.Job(*job)).value))


@flow(name="整合性確認", validate_parameters=False, persist_result=False)
def reconcile_nightly(config: str, as_of: str = "") -> State[str]:
    """Prove which records agree tonight."""
    try:
        with nightly.alone(Path(config), as_of):
            return _night(config, as_of)
    except ReconcileError as error:
        return Failed(message=error.code)
    except StepFailedError as error:  # it never began
        return Failed(message=str(error))


def _night(config: str, as_of: str) -> State[str]:
    begun = _redacted(lambda: nightly.begin(Path(config), as_of))
    job = tuple(begun)
    try:
        sides = [prepare.submit(job, side.value) for side in Side]
        for side in sides:
            side.result()
        compare(job)
        verdict = Verdict(deliver(job))
    except StepFailedError as error:
        code = str(error)
        nightly.give_up(begun, code)
        return Failed(message=code)
    if not verdict.claims:
        return Failed(message=verdict.value)
    return Completed(message=verdict.value, data=begun.run_id)


def serve(config: Path) -> None:
    """Serve the flow at its cron time, until stopped."""
    when = read_config(config).schedule
    reconcile_nightly.serve(
        name="nightly",
        schedule=Cron(when.cron, timezone=when.timezone),
        parameters={"config": str(config.resolve())},
        limit=1,
    )
