"""The sets of a suite, one by one: base and tuned on each, and on the held-out problems the base at its best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.runs.events import EvaluationRequest, LeftOut, Which
from grpo_space.runs.history import History
from grpo_space.runs.run import Run
from grpo_space.runs.suites import BETTER_PROMPTS
from grpo_space.tasks import suite
from grpo_space.tasks.dataset import Rows
from grpo_space.tasks.kinds import TASKS
from grpo_space.tasks.problems import Row
from grpo_space.tasks.suite import HELD_OUT, QUICK_PROMPTS, ProblemSet
from grpo_space.worker.engines.base import Engine, fits
from grpo_space.worker.evaluate import EXAMPLES, prompt
from grpo_space.worker.evaluate_pair import evaluate_one, warn
from grpo_space.worker.reporter import Reporter


@dataclass(frozen=True)
class Suite:
    """A suite that is being measured."""

    run: Run
    reporter: Reporter
    engine: Engine
    config: RunConfig
    rows: Rows
    request: EvaluationRequest
    again: bool
    known: History
    """What earlier attempts measured."""

    def measure(self, sets: Sequence[ProblemSet], found: Mapping[str, tuple[list[Row], str]]) -> None:
        """Measures each of the sets. `found`: the problems of those on the Hub, and their commits; what is missing
        there is left out.
        """
        for each in sets:
            if each.hub and each.name not in found:
                continue
            config = suite.asked_by(each, self.config, self.rows.task)
            try:
                there, commit = found.get(each.name) or (self._made(each), "")
            except UserError as error:  # the others count all the same
                self._leave_out(each, "tuned", str(error))
                continue
            problems = [row for row in there if fits(self.engine, row, config)]
            if not problems:
                self._leave_out(each, "tuned", f"no prompt fits into {config.data.max_prompt_length} tokens")
                continue
            if each.name != HELD_OUT:
                warn(self.reporter, problems, there, self.rows, config.data.max_prompt_length, f"{each.title}: ")
            for which in ("base", "tuned"):
                self._answer(each, config, problems, which, commit)
            if each.name == HELD_OUT:
                self._at_its_best(each, config, problems[: QUICK_PROMPTS if self.request.suite == "quick" else None])

    def _made(self, each: ProblemSet) -> list[Row]:
        count = suite.count_in(each, self.request.suite or "quick", self.request.limit)
        if each.name == HELD_OUT:
            return self.rows.test[:count]
        trained_on = [*self.rows.train, *self.rows.probe]
        return suite.unseen(suite.made(each.name, self.request.seed, count), trained_on)

    def _at_its_best(self, each: ProblemSet, config: RunConfig, problems: list[Row]) -> None:
        """The base with better prompts, where there are any: a gain may be no more than a missing instruction."""
        explanation = TASKS[self.rows.task].system_prompt
        for which in BETTER_PROMPTS:
            asked = config.changed(data={"system_prompt": explanation}) if which == "explained" else config
            longest = max(
                len(self.engine.encode(prompt(self.engine, row, asked, EXAMPLES.get(which, 0)))) for row in problems
            )
            room = asked.model.max_seq_length - longest
            if which == "explained" and explanation == config.data.system_prompt:
                self._leave_out(each, which, "the run's own system prompt is the explanation")
            elif room < asked.grpo.max_completion_length / 2:
                self._leave_out(each, which, f"its prompts leave {max(0, room)} tokens for an answer")
            else:
                self._answer(each, asked, problems, which)

    def _answer(self, each: ProblemSet, config: RunConfig, problems: list[Row], which: Which, commit: str = "") -> None:
        if which not in self.known.sets.get(each.name, {}):
            evaluate_one(
                self.run, self.reporter, self.engine, config, problems, which, again=self.again, of_set=each,
                commit=commit,
            )  # fmt: skip

    def _leave_out(self, each: ProblemSet, which: Which, why: str) -> None:
        self.reporter.log.append(LeftOut(set=each.name, which=which, why=why))
