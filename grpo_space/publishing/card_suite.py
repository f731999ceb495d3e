"""What a run's newest suite adds to its card: results for the Hub's pages, and files for its lists of benchmarks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from huggingface_hub import EvalResult

from grpo_space.formatting import counted
from grpo_space.results import suite as results
from grpo_space.results.statistics import wilson
from grpo_space.runs import evaluations, suites
from grpo_space.runs.pins import is_commit
from grpo_space.runs.run import Run
from grpo_space.tasks.suite import HELD_OUT, MADE


@dataclass(frozen=True)
class Benchmark:
    """A run's newest suite that has a result."""

    found: Sequence[results.SetResult] = ()
    words: Sequence[str] = ()
    evidence: dict[str, Any] | None = None
    seed: int = 0
    count: int = 0
    """How many suites of the run there are."""

    @classmethod
    def of(cls, run: Run) -> "Benchmark":
        """That of a run; an empty one where there is none."""
        made, looks = [history for _, history in suites.made(run)], evaluations.looks_at(run)
        for history in made:
            if found := results.results(history, looks):
                seed, told = evaluations.request_of(history).seed, results.words(history, looks)
                return cls(found, told, results.as_json(history, looks), seed, len(made))
        return cls()

    def eval_results(self) -> Iterator[EvalResult]:
        """The share of right answers on each set, as a card's metadata has it."""
        for each in (each for each in self.found if each.of.name != HELD_OUT):  # which is the run's own result
            low, high = wilson(each.tuned.correct, each.tuned.n)
            yield EvalResult(
                task_type="text-generation",
                dataset_type=each.of.hub.id if each.of.hub and each.of.hub.id else "custom",
                dataset_name=each.of.title,
                dataset_config=each.of.hub.name if each.of.hub else each.of.name,
                dataset_split=each.of.hub.test_split if each.of.hub else None,
                dataset_revision=each.tuned.commit or None,
                dataset_args={"seed": self.seed} if each.of.name in MADE else None,
                metric_type="accuracy",
                metric_name=f"accuracy on {counted(each.tuned.n, 'problem')}",
                metric_value=round(100 * each.tuned.correct / each.tuned.n, 2),
                metric_args={
                    "n": each.tuned.n, "interval": [round(100 * low, 1), round(100 * high, 1)],
                    "base": round(100 * each.base.correct / each.base.n, 2), "verdict": results.VERDICTS[each.solving],
                    "date": results.day(each),
                },
            )  # fmt: skip

    def files(self, name: str) -> dict[str, str]:
        """The files under `.eval_results/` by which the Hub's lists of benchmarks get a result, by path: for what is
        such a benchmark, and was answered as a whole. `name`: of the repository.
        """
        made = {}
        for each in self.found:
            if each.of.hub and each.of.benchmark and each.tuned.n == each.of.full:
                low, high = (100 * end for end in wilson(each.tuned.correct, each.tuned.n))
                revision = f"    revision: {each.tuned.commit}\n" if is_commit(each.tuned.commit) else ""
                made[f".eval_results/{each.of.benchmark}.yaml"] = (
                    f"- dataset:\n    id: {each.of.hub.id}\n    task_id: {each.of.benchmark}\n{revision}"
                    f'  value: {100 * each.tuned.correct / each.tuned.n:.2f}\n  date: "{results.day(each)}"\n'
                    f"  source:\n    url: https://huggingface.co/{name}\n    name: Model card\n"
                    f"  notes: zero-shot, greedy, one answer a problem; n = {each.tuned.n}, 95 % interval {low:.1f} to "
                    f"{high:.1f}; base {100 * each.base.correct / each.base.n:.2f}\n"
                )
        return made
