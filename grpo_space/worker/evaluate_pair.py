"""Base against tuned after a run, on its own problems or others, as its log tells it."""

from typing import TYPE_CHECKING

from grpo_space.config import RunConfig
from grpo_space.runs.events import Alarm, Asked
from grpo_space.runs.run import Run
from grpo_space.tasks.dataset import Rows
from grpo_space.tasks.problems import Row
from grpo_space.worker import evaluate
from grpo_space.worker.engines.base import Engine, fits

if TYPE_CHECKING:
    from grpo_space.worker.reporter import Teller


def tell_both(
    run: Run,
    tell: "Teller",
    engine: Engine,
    config: RunConfig,
    rows: Rows,
    others: list[Row] | None,
    asked: Asked,
    again: bool,
) -> None:
    """`others`: the problems, where they are not the run's own. `again`: both anew, even where a result is known."""
    if others is None:
        problems = rows.test[: asked.limit]
    else:
        problems = [row for row in others if fits(engine, row, config)]
        warn(tell, problems, others, rows, config.data.max_prompt_length)
    known = evaluate.known_base(run, engine, problems, config) if asked.samples == 1 and not again else None
    total, kept = len(problems) * asked.samples, (run.answers, asked.samples, again)
    with tell.phase("evaluate_base", total=total) as progress:
        tell.log.append(known or evaluate.measure(engine, problems, config, "base", progress, *kept))
    with tell.phase("evaluate_tuned", total=total) as progress:
        tell.log.append(evaluate.measure(engine, problems, config, "tuned", progress, *kept))
    if asked.samples == 1:
        with_example(run, tell, engine, config, problems, again)


def warn(tell: "Teller", problems: list[Row], others: list[Row], rows: Rows, longest: int) -> None:
    if lost := len(others) - len(problems):
        message = f"{lost} problems were left out: their prompts are longer than {longest} tokens."
        tell.log.append(Alarm(step=0, name="left_out", message=message))
    if seen := len({row.question for row in problems} & {row.question for row in rows.train}):
        message = f"{seen} of these problems were trained on: what is right there may be known by heart."
        tell.log.append(Alarm(step=0, name="seen", message=message))


def with_example(
    run: Run, tell: "Teller", engine: Engine, config: RunConfig, problems: list[Row], again: bool = False
) -> None:
    """The base shown a worked example: what a prompt alone can do. Only where a system prompt tells of the format."""
    if config.data.system_prompt:
        with tell.phase("evaluate_example", total=len(problems)) as progress:
            measured = evaluate.measure(engine, problems, config, "example", progress, run.answers, again=again)
            tell.log.append(measured)
