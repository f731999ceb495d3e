"""The card's part about a suite: losses before all else, every claim with its figures, and what was not run."""

from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import ModelCard

from grpo_space.presets import read_preset
from grpo_space.publishing import card
from grpo_space.publishing.card_suite import Benchmark
from grpo_space.runs.run import Run, create_run
from tests.support import made
from tests.support.suites import BROKEN, NOT_HAD, evaluated, events, into

COMMIT = "0123456789" * 4


def a_run(folder: Path) -> Run:
    run = create_run(read_preset("tiny").run, folder / "run")
    for event in (made.BASE, made.BOTH):
        run.log.append(event)
    return run


def test_what_it_lost_comes_before_what_it_gained(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    assert "**That was not measured**" in str(card.card(run, "u/n"))
    into(run, "2099-01-01-000000", *events(BROKEN))
    text = " ".join(str(card.card(run, "u/n")).split())
    assert text.index("**Worse than before on simple instructions") < text.index("## Did it work?")
    assert "| simple instructions | 60 | 75.0 % (63 to 84) | 20.0 % (12 to 32) |" in text
    assert "Measured on 2026-11-18" in text
    assert "seed 7" in text
    assert "ARC-Challenge (of the full suite)" in text
    assert card.evidence(run)["suite"]["sets"]["instructions"]["solving"] == "down"


def test_the_metadata_has_each_set_with_n_interval_date_and_seed(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    into(run, "2099-01-01-000000", *events(BROKEN))
    whole: Any = ModelCard(str(card.card(run, "u/n")))
    read = whole.data.eval_results
    fresh = next(result for result in read if result.dataset_name == "fresh problems, level 1")
    assert (fresh.metric_value, fresh.dataset_args) == (70.0, {"seed": 7})
    assert fresh.metric_args == {
        "n": 100, "interval": [60.4, 78.1], "base": 40.0, "verdict": "better", "date": "2026-11-18",
    }  # fmt: skip
    assert [result.metric_value for result in read if result.dataset_name == "simple instructions"] == [20.0]
    assert Benchmark.of(run).files("u/n") == {}


def test_the_whole_of_a_benchmark_has_a_file_of_its_own(tmp_path: Path) -> None:
    run, told = a_run(tmp_path), events(BROKEN, "full")
    for which, right in (("base", 300), ("tuned", 900)):
        told.insert(-1, evaluated("gsm8k-test", which, right, 1319, COMMIT))  # type: ignore[arg-type]
    into(run, "2099-01-01-000000", *told, NOT_HAD)
    [(path, content)] = Benchmark.of(run).files("u/n").items()
    [result] = yaml.safe_load(content)
    assert path == ".eval_results/gsm8k.yaml"
    assert result["dataset"] == {"id": "openai/gsm8k", "task_id": "gsm8k", "revision": COMMIT}
    assert (result["value"], result["date"]) == (68.23, "2026-11-18")
    assert "n = 1319, 95 % interval 65.7 to 70.7; base 22.74" in result["notes"]
    assert "MATH-500 (data.id: HuggingFaceH4/MATH-500" in str(card.card(run, "u/n"))
