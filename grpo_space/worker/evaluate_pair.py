"""Evaluates base and tuned, one after the other and on the same problems, and emits both results."""

from typing import Literal

from grpo_space.config import RunConfig
from grpo_space.runs.events import Alarm, Evaluated, EvaluationRequest, PhaseName, Sampled, Which
from grpo_space.runs.run import Run
from grpo_space.tasks.dataset import Rows
from grpo_space.tasks.problems import Row
from grpo_space.tasks.suite import ProblemSet
from grpo_space.worker import evaluate
from grpo_space.worker.engines.base import Engine, fits
from grpo_space.worker.reporter import Reporter

PHASES: dict[Which, PhaseName] = {
    "base": "evaluate_base", "tuned": "evaluate_tuned", "example": "evaluate_example", "examples": "evaluate_examples",
    "explained": "evaluate_explained",
}  # fmt: skip


def evaluate_one(
    run: Run,
    reporter: Reporter,
    engine: Engine,
    config: RunConfig,
    problems: list[Row],
    which: Which,
    samples: int = 1,
    again: bool = False,
    in_place_of: Literal["tuned"] | None = None,
    of_set: ProblemSet | None = None,
    commit: str = "",
) -> Evaluated | Sampled:
    """Evaluates one model on the problems and emits the result. Where a greedy result of the base, with or without a
    worked example, is known already from any run, that is emitted. `again`: everything is measured anew.
    `in_place_of`: the base is another model than that of the comparison, and stands for its tuned one. `of_set`: the
    problems are that set of a suite, of a dataset at that `commit`.
    """
    phase, title = PHASES[in_place_of or which], of_set.title if of_set else ""
    with reporter.phase(phase, title, total=len(problems) * samples) as progress, reporter.doing("answer"):
        known = None
        if which != "tuned" and samples == 1 and not again:
            known = evaluate.known(run, engine, problems, config, which)
        result = known or evaluate.measure(engine, problems, config, which, progress, run.answers, samples, again)
        if in_place_of is not None:
            result = result.model_copy(update={"which": in_place_of})
        if of_set is not None:
            result = result.model_copy(update={"set": of_set.name, "commit": commit})
        reporter.log.append(result)
    return result


def evaluate_pair(
    run: Run,
    reporter: Reporter,
    engine: Engine,
    config: RunConfig,
    rows: Rows,
    others: list[Row] | None,
    request: EvaluationRequest,
    again: bool,
) -> None:
    """Evaluates base and tuned as requested. `others`: the problems, where they are not the run's own. `again`:
    everything is measured anew, even where a result is known.

    Where a system prompt asks for the format, the base is also shown a worked example: what can a prompt alone do?
    """
    if others is None:
        problems = rows.test[: request.limit]
    else:
        problems = [row for row in others if fits(engine, row, config)]
        warn(reporter, problems, others, rows, config.data.max_prompt_length)
    evaluate_one(run, reporter, engine, config, problems, "base", request.samples, again)
    evaluate_one(run, reporter, engine, config, problems, "tuned", request.samples, again)
    if request.samples == 1 and config.data.system_prompt:
        evaluate_one(run, reporter, engine, config, problems, "example", again=again)


def warn(reporter: Reporter, problems: list[Row], others: list[Row], rows: Rows, longest: int, where: str = "") -> None:
    """Emits an alarm where some of the other problems were left out, or were trained on. `where`: how it begins."""
    if lost := len(others) - len(problems):
        one, many = "1 problem was left out: its prompt is", f"{lost:,} problems were left out: their prompts are"
        message = f"{where}{one if lost == 1 else many} longer than {longest} tokens."
        reporter.log.append(Alarm(step=0, name="left_out", message=message))
    if seen := len({row.question for row in problems} & {row.question for row in rows.train}):
        were = "was" if seen == 1 else "were"
        message = f"{where}{seen} of these problems {were} trained on: what is right there may be known by heart."
        reporter.log.append(Alarm(step=0, name="seen", message=message))
