"""`reconcile explain` (照会): one record, both sides, everything that was tried and what it said; for a stated purpose.

    permitted -> recorded -> both sides read and compared as at night -> the answer about one key

What is asked is recorded before anything is read, and so is a question that was refused. The evidence holds the
purpose, the operator, and a pseudonym of the key under the site's key, never the key: whoever asks twice about one person
is seen to have done so, and nobody can tell from the log who it was.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from reconcile import adhoc, deliver, nightly
from reconcile.config import RunConfig, read_config, site_key
from reconcile.errors import ConfigError
from reconcile.extract.locate import check_two
from reconcile.inquiry.answer import Answer, answer
from reconcile.items import composed
from reconcile.machine.stuck import watched
from reconcile.model import TOKYO, Report, Side
from reconcile.nights import history
from reconcile.pipeline import Comparison, reconcile
from reconcile.proof import environment
from reconcile.report.build import in_environment
from reconcile.search.check import Progress, reading
from reconcile.settings import permission
from reconcile.settings.permission import Permit

__all__ = ["Asked", "Inquiry", "Question", "ask", "opened"]

DOMAIN = b"reconcile/inquiry/1\0"
"""Before what is hashed: a pseudonym of one use is none of another."""

_SHORTEST_NAMED = 4
"""A part of a key this long may not stand in a purpose; shorter ones are words of their own ("A1")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked on the command line.

    `left` and `right` name two files, or two sources of the run file; "" for the run file's own two sides. `columns` and
    `dataset` are those of `reconcile diff`, for two files. `as_of` is the day it is about, "" for today.
    """

    key: tuple[str, ...]
    purpose: str
    config: Path | None
    left: str = ""
    right: str = ""
    columns: tuple[str, ...] = ()
    dataset: str = ""
    as_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An answer, and under which permit and in which comparison it was given. `recorded`: it stands in the evidence."""

    inquiry_id: str
    permit: Permit
    recorded: bool
    report: Report
    answer: Answer

    @property
    def exit_code(self) -> int:
        """0: the record agrees; 1: there are findings; 2: no such record, or the comparison claims nothing."""
        if not self.answer.records or not self.report.verdict.claims:
            return 2
        return 1 if self.answer.findings else 0


@watched()
def ask(question: Question, progress: Progress) -> Asked:
    """Answer one question.

    Raises:
        ConfigError: E_PURPOSE, E_ROLE: refused, and recorded as such. Or the set-up is wrong.
        SourceError: A side is not what it must be.
        EvidenceError: The evidence was altered; nothing was read.
    """
    config = None if question.config is None else read_config(question.config)
    if bool(question.left) != bool(question.right) or not (question.left or config):
        raise ConfigError("LEFT and RIGHT", "got one or none, expected both, or --config run.toml")
    asked_at = datetime.now(UTC)
    inquiry_id, now = deliver.run_id_at(asked_at), asked_at.replace(microsecond=0)
    permit = _permitted(question, config, now)
    with opened(question, config, inquiry_id, now, progress) as compared:
        return Asked(
            inquiry_id=inquiry_id,
            permit=permit,
            recorded=config is not None,
            report=compared.report,
            answer=compared.about(question.key),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """Both sides read and compared, ready to be asked about keys. Its snapshots live as long as `opened`'s context."""

    comparison: Comparison
    report: Report

    def about(self, key: tuple[str, ...]) -> Answer:
        """The answer about one key.

        Raises:
            ConfigError: The key has more or fewer parts than the dataset's.
        """
        names = self.comparison.dataset.key
        if len(key) != len(names):
            hint = "the parts of a composite key are joined by '|'"
            raise ConfigError("KEY", f"got {len(key)} parts, expected {len(names)}: {'|'.join(names)}", hint=hint)
        return answer(key, self.comparison, self.report)


@contextmanager
def opened(
    question: Question, config: RunConfig | None, inquiry_id: str, now: datetime, progress: Progress
) -> Iterator[Inquiry]:
    """Read and compare both sides: as tonight's run would, or, for two named files, as `reconcile diff` does.

    Raises:
        ReconcileError: The set-up or a side is not what it must be.
    """
    if question.left or config is None:
        request = adhoc.Request(
            left=question.left,
            right=question.right,
            key=question.columns,
            dataset=question.dataset,
            config=question.config,
            encoding="utf-8",
            allow_empty=True,
            partitions=0,
            out=None,
            formats=(),
        )
        with adhoc.ready(request, config, inquiry_id, now.astimezone(TOKYO), progress) as comparison:
            yield _compared(comparison, config)
        return
    check_two(config.sources[config.left], config.sources[config.right])
    day = nightly.day_of(question.as_of, now)
    with deliver.aside(config.out) as folder:
        job = nightly.Job(str(config.path), str(config.out), inquiry_id, now.isoformat(), day.isoformat(), str(folder))
        for side in Side:
            nightly.prepare(job, side, reading(progress, side))
        comparison = nightly.ready(job, progress)
        # How long something has been "on its way" decides its severity, and the nights before say so.
        memory = history.remember(config, comparison.dataset, day.date())
        yield _compared(comparison._replace(options=replace(comparison.options, memory=memory)), config)


def _compared(comparison: Comparison, config: RunConfig | None) -> Inquiry:
    sides = {side: (one.rows, one.snapshot) for side, one in comparison.inputs.items()}
    where = environment.environment_of_sides(config.environment if config else "", sides, comparison.dataset)
    # As the engine does it: what is shown of a record is what was compared.
    comparison = comparison._replace(inputs=composed(comparison.inputs))
    run, dataset, inputs, options = comparison
    # Somebody waits at the counter: the plain comparison over every key is the night's, not the question's.
    report = reconcile(run, dataset, (inputs[Side.LEFT], inputs[Side.RIGHT]), replace(options, oracle=0)).in_text()
    return Inquiry(comparison=comparison, report=replace(report, summary=in_environment(report.summary, where)))


def _permitted(question: Question, config: RunConfig | None, now: datetime) -> Permit:
    """The permit, recorded; without a run file there is no evidence to record it in, but a purpose all the same."""
    if config is None:
        purpose = permission.check_purpose(question.purpose)
        return Permit(operator=permission.account(), role=permission.READ, purpose=purpose)
    about = {"pseudonym": _pseudonym(question.key, site_key(config.site_key))}
    # The run file's purpose is the night's. Whoever looks at a person says why, each time.
    named = any(len(part) >= _SHORTEST_NAMED and part in question.purpose for part in question.key)
    purpose = "" if named else question.purpose
    permit = permission.require(config, permission.READ, purpose, now, own=True, **about)
    permission.record(config, "viewed", now, permit, **about)
    return permit


def _pseudonym(key: tuple[str, ...], secret: bytes) -> str:
    return hmac.digest(secret, DOMAIN + json.dumps(key, ensure_ascii=False).encode(), "sha256").hex()[:32]
