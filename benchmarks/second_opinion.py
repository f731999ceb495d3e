"""Does another tool count the same? lm-evaluation-harness on a run's own rows, base and tuned: `make second-opinion`.

    python -m benchmarks.second_opinion PYTHON [RUN]

PYTHON is that of an environment with lm_eval. Without a RUN the embedded model is trained first. Every row on which the
two do not agree is printed with its reason: the texts differ, or one text was read otherwise. Exit status 1 where they
wrote otherwise. Writes benchmarks/results/<date>-second-opinion.json.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.__main__ import HERE
from grpo_space.cli.main import main as grpo_space
from grpo_space.formatting import plain
from grpo_space.publishing import lm_eval_export
from grpo_space.runs import evaluations
from grpo_space.runs.events import Answer, Evaluated
from grpo_space.runs.run import Run, find_run

READINGS = {"anywhere": "correct", "in-format": "strict"}
"""The harness's readings, and what ours are called."""


def samples(python: str, folder: Path, run: Run, which: str) -> dict[str, list[dict[str, Any]]]:
    """The harness's samples of one model by reading, in the order of the rows."""
    command = [python, "-m", "lm_eval", *lm_eval_export.command(run.config, which, on_cpu=True), "--device", "cpu"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / "cache")}
    subprocess.run(command, cwd=folder, check=True, env=environment, stdout=subprocess.DEVNULL)
    [file] = (folder / which).rglob("samples_*.jsonl")
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    lines.sort(key=lambda line: line["doc_id"])
    return {name: [line for line in lines if line["filter"] == name] for name in READINGS}


def differences(ours: Evaluated, theirs: list[dict[str, Any]], counted: str) -> Iterator[tuple[str, bool]]:
    """The rows that are right by one of the two alone: in words, and whether both read the same text."""
    for number, (answer, line) in enumerate(zip(ours.answers, theirs, strict=True)):
        mine, other = getattr(answer, counted), bool(line["exact_match"])
        if mine != other:
            yield f"row {number}, expected {answer.gold!r}: {_why(answer, line, mine)}", _read_alike(answer, line)


def _read_alike(answer: Answer, line: dict[str, Any]) -> bool:
    """Whether both read the same text, so that the rules alone differ."""
    return bool(line["resps"][0][0].strip() == answer.text.strip())


def _why(answer: Answer, line: dict[str, Any], mine: bool) -> str:
    written, read = line["resps"][0][0], line["filtered_resps"][0]
    if not _read_alike(answer, line):
        return f"the models wrote otherwise: here {answer.text!r}, there {written!r}"
    verdict = "right" if mine else "wrong"
    return f"one text, {written!r}: here {answer.value!r} was read, {verdict} ({answer.reason}), there {read!r}"


def compare(run: Run, python: str) -> tuple[dict[str, Any], bool]:
    """The counts of both tools for base and tuned, and whether what they read otherwise is always the same text."""
    history, alike = evaluations.stored(run), True
    assert history.base is not None
    assert history.tuned is not None
    found: dict[str, Any] = {"n": history.tuned.n}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "exported"
        lm_eval_export.write(run, folder)
        for which, ours in (("base", history.base), ("tuned", history.tuned)):
            for reading, theirs in samples(python, folder, run, which).items():
                counted = READINGS[reading]
                different = list(differences(ours, theirs, counted))
                mine, other = (
                    sum(getattr(a, counted) for a in ours.answers),
                    sum(bool(t["exact_match"]) for t in theirs),
                )
                same = sum(_read_alike(a, t) for a, t in zip(ours.answers, theirs, strict=True))
                found[f"{which}, {reading}"] = {"here": mine, "lm_eval": other, "differ": len(different)}
                print(f"{which}, {reading}: {mine} here, {other} by lm_eval, of {ours.n}; {same} texts are the same")
                for words, known in different:
                    print(plain(f"  {words}"))
                    alike = alike and known
    return found, alike


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", help="the Python of an environment with lm_eval")
    parser.add_argument("run", nargs="?", help="a run that was evaluated (default: the embedded model is trained)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.run is None and (status := grpo_space(["train", "tiny", "--run-dir", f"{folder}/tiny"])):
            return status
        found, alike = compare(find_run(arguments.run or f"{folder}/tiny"), arguments.python)
    file = HERE / "results" / f"{time.strftime('%Y-%m-%d')}-second-opinion.json"
    file.write_text(json.dumps(found, indent=1))
    return int(not alike)


if __name__ == "__main__":
    raise SystemExit(main())
