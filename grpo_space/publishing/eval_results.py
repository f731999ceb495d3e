"""`.eval_results/*.yaml`: by these the Hub lists a result, with what a control and the memory probe say beside it."""

import json
import time

from grpo_space.config import RunConfig
from grpo_space.publishing.card import as_trained
from grpo_space.publishing.card_suite import Benchmark
from grpo_space.results import control, headlines, memory
from grpo_space.results.statistics import percent
from grpo_space.runs import evaluations
from grpo_space.runs.history import History
from grpo_space.runs.run import Run
from grpo_space.tasks.suite import NAMES


def files(run: Run, name: str) -> dict[str, str]:
    """The files, by path: of the run's own test, else of its suite's sets. `name`: of the repository."""
    made = Benchmark.of(run).files(name)
    if content := own(run, as_trained(run, run.history()), evaluations.stored(run), name):
        made[".eval_results/gsm8k.yaml"] = content
    return made


def own(run: Run, config: RunConfig, history: History, name: str) -> str | None:
    """The file's content for a run whose held-out problems are GSM8K's whole test; else None."""
    tuned, data = history.tuned, config.data
    whole_test = (data.id, data.name, data.test_split) == ("openai/gsm8k", "main", "test")
    if tuned is None or tuned.n != NAMES[evaluations.GSM8K_TEST].full or not whole_test:
        return None
    value = round(100 * tuned.correct / tuned.n, 2)
    return (
        "- dataset:\n    id: openai/gsm8k\n    task_id: gsm8k\n"
        f"  value: {value}\n  source:\n    url: https://huggingface.co/{name}\n    name: Model card\n"
        f"  notes: {json.dumps(_notes(run, config, history))}\n"
    )


def _notes(run: Run, config: RunConfig, history: History) -> str:
    assert history.tuned is not None
    whole, beside = run.history(), control.beside(run.config, history, evaluations.looks_at(run))
    day = time.strftime("%Y-%m-%d", time.gmtime(history.tuned.time))
    right = percent(history.tuned.correct, history.tuned.n)
    return " ".join((
        *headlines.of(run.config, whole),
        f"zero-shot, greedy, one answer a problem: {right}, n = {history.tuned.n}, seed {config.seed}, {day}.",
        *(control.words(beside) if beside else ["Not run: a control with random rewards."]),
        memory.words(whole.memory),
    ))  # fmt: skip
