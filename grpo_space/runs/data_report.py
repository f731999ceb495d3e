"""Looks at files of problems by a short worker, so that what is wrong is known before anything is trained."""

import contextlib
import json
import subprocess
import threading
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from grpo_space.config import ColumnsSection, DataSection, ModelSection, RunConfig, TaskName
from grpo_space.config_io import write_yaml
from grpo_space.errors import UserError
from grpo_space.hub_upload import Progress
from grpo_space.paths import folder
from grpo_space.presets import PRESETS
from grpo_space.runs.events import Record
from grpo_space.runs.launch import answer_of, without_secrets, worker_python
from grpo_space.runs.run import runs_folder
from grpo_space.tasks.kinds import TASKS
from grpo_space.tasks.problems import digest
from grpo_space.tasks.reading import ChooseColumnsError
from grpo_space.whole_file import write_whole

SECONDS = 300.0
"""The longest that a report may take."""


class DataReport(Record):
    """What a file of problems holds, and what is left of it to train on."""

    form: str
    names: tuple[str, ...]
    """The columns that are there."""
    task: TaskName
    columns: ColumnsSection
    """Those that are read."""
    reading: str
    rows: int
    problems: int
    """Different ones."""
    copies: int
    contradictions: int
    unmatched: int
    faults: str
    """What is wrong with the problems, in sentences with examples."""
    guess: float
    """The share of right answers that guessing gives to the first problem, 0..1."""
    first: tuple[tuple[str, str], ...]
    """The first problems: question and right answer."""
    test_rows: int | None = None
    """Of the file of `data.test_path`; None: there is none."""
    test_problems: int = 0
    in_both: int = 0
    """Different problems that stand in both files, of which none is trained on that is tested."""
    test_reading: str = ""
    """How the test file is read, where that is otherwise."""
    too_long: int | None = None
    """Prompts longer than `data.max_prompt_length`; None: not counted, without the model's tokenizer."""
    held_out: int = 0
    train: int = 0
    refusal: tuple[str, ...] = ()
    """Why nothing can be trained on it; empty: it adds up."""

    def words(self) -> list[str]:
        """What was found, a sentence each: how it was read, what is wrong, what is left."""
        file = f"{self.form[0].upper()}{self.form[1:]}: {_counted(self.rows, self.problems)}."
        sentences = [file, self.reading]
        if self.test_rows is not None:
            both = f"{self.in_both:,} too" if self.in_both else "none"
            test = _counted(self.test_rows, self.test_problems)
            sentences.append(f"The test file: {test}, of which the first file holds {both}.")
            sentences += [self.test_reading] if self.test_reading else []
        sentences += [self.faults] if self.faults else []
        if self.too_long is None and not self.refusal:
            sentences.append("Prompts that are too long were not counted: the model's tokenizer is not here yet.")
        elif self.too_long:
            sentences.append(f"{self.too_long:,} are too long for data.max_prompt_length and left out.")
        if not self.refusal:
            different = self.problems + self.test_problems - self.in_both
            copies = ", copies among them" if self.held_out + self.train > different else ""
            sentences.append(f"{self.held_out:,} held out, {self.train:,} left to train on{copies}.")
        return sentences


def _counted(rows: int, problems: int) -> str:
    return f"{rows:,} row{'s' * (rows != 1)}, {problems:,} different problem{'s' * (problems != 1)}"


def kept_report(config: RunConfig) -> DataReport | None:
    """What an earlier look at the same file found; None where there was none, or it could not be read."""
    with contextlib.suppress(ValidationError):
        return DataReport.model_validate(_kept_answer(config))
    return None


def kept_refusal(config: RunConfig) -> tuple[str, ...]:
    """Why nothing can be trained on a file, by an earlier look; empty where there was none, or it adds up."""
    answer = _kept_answer(config) or {}
    return tuple(answer.get("error") or answer.get("refusal") or ())


def _kept_answer(config: RunConfig) -> dict[str, Any] | None:
    with contextlib.suppress(OSError, ValueError):
        return dict(json.loads(_kept(config).read_text(encoding="utf-8")))
    return None


def held_out(config: RunConfig) -> int | None:
    """Problems of a run's comparison: a file may hold fewer than the config asks for. None: it was not read yet."""
    if config.data.path is None or is_embedded(config):
        return config.evaluation.problems
    found = kept_report(config)
    return found.held_out if found is not None and not found.refusal else None


def before_training(config: RunConfig) -> DataReport | None:
    """Looks at a file that somebody brings and refuses one with nothing to train on; None: a preset's, or the Hub's."""
    if config.data.path is None or is_embedded(config):
        return None
    found = report(config)
    if found.refusal:
        raise UserError(*found.refusal)
    return found


THE_TASKS = "task"
"""The system prompt of whoever wants the one that suits the kind of answer."""


def with_prompt(config: RunConfig) -> RunConfig:
    """The config with the system prompt of its kind of answer in the place of `task`. A UserError where the kind is not
    known before a dataset is downloaded.
    """
    data = config.data
    if data.system_prompt != THE_TASKS:
        return config
    task: TaskName
    if data.task != "auto":
        task = data.task
    elif data.generate is not None:
        task = "countdown" if data.generate == "countdown" else "number"
    elif data.path is not None:
        task = report(config).task
    else:
        raise UserError(f"data.system_prompt: task: name the kind of answer of {data.id} with data.task")
    return config.changed(data={"system_prompt": TASKS[task].system_prompt})


def is_embedded(config: RunConfig) -> bool:
    """Whether the problems are those of a preset, which come with this project."""
    return config.data.path is not None and folder(config.data.path).is_relative_to(PRESETS)


def of_file(file: Path, progress: Progress = lambda sent: None) -> DataReport:
    """Looks at a file by itself, whatever is done with its problems."""
    data = DataSection(path=str(file))
    return report(RunConfig(model=ModelSection(id="-"), data=data), progress)


def report(config: RunConfig, progress: Progress = lambda sent: None) -> DataReport:
    """Looks at the file that a config names; what is found is kept for the next time. What cannot be read is a
    UserError that says what it is and what to do.
    """
    answer = _kept_answer(config)
    if answer is None:
        answer = _answer(config, progress)
        file = _kept(config)
        with contextlib.suppress(OSError):  # a full disk: the next look takes as long as this one
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, json.dumps(answer))
    if columns := answer.get("columns") if "error" in answer else ():
        raise ChooseColumnsError(*answer["error"], columns=columns)
    if "error" in answer:
        raise UserError(*answer["error"])
    return DataReport.model_validate(answer)


def _answer(config: RunConfig, progress: Progress) -> dict[str, Any]:
    command = [worker_python(), "-m", "grpo_space.worker.data_report"]
    environment = {**without_secrets(), "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as worker:
        assert worker.stderr is not None
        clock = threading.Timer(SECONDS, worker.kill)
        clock.start()
        answer = answer_of(worker, write_yaml(config), progress)
        clock.cancel()
        last = worker.stderr.read().strip().splitlines()[-1:]
    if answer is None:
        why = " ".join(last) or f"it ended with status {worker.returncode}"
        raise UserError(f"data.path: {Path(config.data.path or '').name} could not be read: {why[:200]}")
    return answer


def _kept(config: RunConfig) -> Path:
    """Named by all that decides what is in it."""
    files = [folder(path).stat() for path in (config.data.path, config.data.test_path) if path]
    decides = [
        config.data.model_dump(), config.model.model_dump(), config.evaluation.model_dump(),
        [config.grpo.completions_per_step, config.grpo.num_generations],
        [(file.st_size, file.st_mtime_ns) for file in files],
    ]  # fmt: skip
    return runs_folder() / "reports" / f"{digest(json.dumps(decides).encode())}.json"
