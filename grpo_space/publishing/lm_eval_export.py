"""A run's evaluation for lm-evaluation-harness: the same rows, prompt and adapter, read by somebody else's rules."""

import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.formatting import counted
from grpo_space.paths import local_model
from grpo_space.publishing.card import as_trained
from grpo_space.runs import adapters, evaluations
from grpo_space.runs.events import Evaluated
from grpo_space.runs.run import Run
from grpo_space.tasks.problems import messages

TASK = "grpo_space"
IN_FORMAT = r"^\s*<reasoning>[\s\S]*\S[\s\S]*</reasoning>\s*<answer>\s*([^<]*?)\s*</answer>\s*$"
ANYWHERE = {"number": r"(-?[$0-9.,]{2,})|(-?[0-9]+)", "choice": r"\b([A-Z])\b"}
"""By the kind of answer: of what these find in a text the last one counts. That of numbers is the harness's own for
GSM8K."""


def write(run: Run, folder: Path) -> list[Path]:
    """Writes the task, its rows, the adapter and a README into a new folder. Gives the files.

    Raises:
        UserError: where the run has no evaluation or no adapter, or where the harness could not read its answers.
    """
    whole, tuned = run.history(), evaluations.stored(run).tuned
    config = as_trained(run, whole)
    if run.standalone is not None or tuned is None:
        raise UserError(f"{run.id}: has no comparison of its own to be made again: evaluate it first")
    kinds = {answer.task for answer in tuned.answers}
    if not kinds <= set(ANYWHERE):
        raise UserError(f"{run.id}: lm-evaluation-harness reads numbers and letters alone, and this is {min(kinds)}")
    if not (run.adapter / adapters.CONFIG).is_file():
        raise UserError(f"{run.id}: has no adapter yet: train it to its end, or stop it, which saves one")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"--lm-eval {folder}: is not an empty folder")
    fold = whole.loaded is not None and whole.loaded.folds_system
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(run.adapter, folder / "adapter")
    (folder / "rows.jsonl").write_text("".join(_rows(tuned, config, fold)), encoding="utf-8")
    task = _task(config, min(kinds), "" if fold else config.data.system_prompt or "")
    (folder / f"{TASK}.yaml").write_text(yaml.safe_dump(task, sort_keys=False, allow_unicode=True), encoding="utf-8")
    (folder / "README.md").write_text(_readme(run, config, tuned), encoding="utf-8")
    return [folder / name for name in (f"{TASK}.yaml", "rows.jsonl", "adapter", "README.md")]


def _rows(tuned: Evaluated, config: RunConfig, fold: bool) -> Iterator[str]:
    """A line for each problem, in the evaluation's order: the user's turn as the model was asked it, and the answer."""
    for answer in tuned.answers:
        turn = messages(answer.question, config.data.system_prompt if fold else None, fold=fold)[0]
        yield json.dumps({"question": turn["content"], "gold": answer.gold}, ensure_ascii=False) + "\n"


def _task(config: RunConfig, kind: str, system_prompt: str) -> dict[str, Any]:
    read = {"in-format": IN_FORMAT, "anywhere": ANYWHERE[kind]}
    return {
        "task": TASK,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": "rows.jsonl"}},
        "test_split": "test",
        "output_type": "generate_until",
        # which it renders as a template, and puts into the system turn
        "description": f"{{% raw %}}{system_prompt}{{% endraw %}}" if system_prompt else "",
        "doc_to_text": "{{question}}",
        "doc_to_target": "{{gold}}",
        "generation_kwargs": {
            "until": [], "do_sample": False, "max_gen_toks": config.grpo.max_completion_length,
        },
        "filter_list": [
            {
                "name": name,
                "filter": [
                    {"function": "regex", "regex_pattern": pattern, "group_select": -1},
                    {"function": "take_first"},
                ],
            }
            for name, pattern in read.items()
        ],
        "metric_list": [
            {
                "metric": "exact_match", "aggregation": "mean", "higher_is_better": True, "ignore_case": True,
                "regexes_to_ignore": [",", r"\$", r"\.$"],
            }
        ],
    }  # fmt: skip


def command(config: RunConfig, which: str, on_cpu: bool) -> list[str]:
    """The harness's arguments, to be run in the folder: for the base, or for tuned, with the adapter."""
    local = local_model(config.model)
    model = f"pretrained={local or config.model.id},dtype={'float32' if on_cpu else 'auto'}"
    model += f",revision={config.model.revision}" if config.model.revision and local is None else ""
    model += ",load_in_4bit=True" if config.model.load_in_4bit else ""
    model += ",peft=adapter" if which == "tuned" else ""
    return [
        "--model", "hf", "--model_args", model, "--include_path", ".", "--tasks", TASK, "--apply_chat_template",
        "--batch_size", str(config.evaluation.batch_size), "--log_samples", "--output_path", which,
    ]  # fmt: skip


def _readme(run: Run, config: RunConfig, tuned: Evaluated) -> str:
    on_cpu = tuned.method is not None and ", cpu," in tuned.method.engine
    lines = (f"lm_eval {shlex.join(command(config, which, on_cpu))}" for which in ("tuned", "base"))
    return (
        f"# {run.id} by lm-evaluation-harness\n\n"
        f"{counted(tuned.n, 'problem')}, greedy, with the prompt that GRPO Space asked them with. In this folder, "
        "where lm_eval, PEFT and Transformers are installed; first with the adapter, then the base alone:\n\n"
        f"```\n{chr(10).join(lines)}\n```\n\n"
        "`in-format` counts right answers in the format asked for, `anywhere` those that are the last number (of "
        "multiple choice the last letter) of a text. These are plain regular expressions: GRPO Space reads more "
        f"ways to state an answer. With the adapter it counted {tuned.correct} of {tuned.n} right, and "
        f"{tuned.strict_correct} right and in the format.\n"
    )
