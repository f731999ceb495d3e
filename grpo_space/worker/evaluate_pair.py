"""Base against tuned after a run, on its own problems or others."""

from grpo_space.config import RunConfig
from grpo_space.runs.events import Alarm, EvaluationRequest
from grpo_space.runs.run import Run
from grpo_space.tasks.dataset import Rows
from grpo_space.tasks.problems import Row
from grpo_space.worker import evaluate
from grpo_space.worker.engines.base import Engine, fits
from grpo_space.worker.reporter import Reporter


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
    """Evaluates base and tuned on the same problems and emits both. `others`: the problems, where they are not the
    run's own. `again`: both anew, even where a result is known.
    """
    if others is None:
        problems = rows.test[: request.limit]
    else:
        problems = [row for row in others if fits(engine, row, config)]
        warn(reporter, problems, others, rows, config.data.max_prompt_length)
    known = evaluate.known_base(run, engine, problems, config) if request.samples == 1 and not again else None
    total, kept = len(problems) * request.samples, (run.answers, request.samples, again)
    with reporter.phase("evaluate_base", total=total) as progress, reporter.doing("answer"):
        reporter.log.append(known or evaluate.measure(engine, problems, config, "base", progress, *kept))
    with reporter.phase("evaluate_tuned", total=total) as progress, reporter.doing("answer"):
        reporter.log.append(evaluate.measure(engine, problems, config, "tuned", progress, *kept))
    if request.samples == 1:
        with_example(run, reporter, engine, config, problems, again)


def warn(reporter: Reporter, problems: list[Row], others: list[Row], rows: Rows, longest: int) -> None:
    if lost := len(others) - len(problems):
        message = f"{lost} problems were left out: their prompts are longer than {longest} tokens."
        reporter.log.append(Alarm(step=0, name="left_out", message=message))
    if seen := len({row.question for row in problems} & {row.question for row in rows.train}):
        message = f"{seen} of these problems were trained on: what is right there may be known by heart."
        reporter.log.append(Alarm(step=0, name="seen", message=message))


def with_example(
    run: Run, reporter: Reporter, engine: Engine, config: RunConfig, problems: list[Row], again: bool = False
) -> None:
    """The base shown a worked example: what a prompt alone can do. Only where a system prompt tells of the format."""
    if config.data.system_prompt:
        with reporter.phase("evaluate_example", total=len(problems)) as progress, reporter.doing("answer"):
            measured = evaluate.measure(engine, problems, config, "example", progress, run.answers, again=again)
            reporter.log.append(measured)
