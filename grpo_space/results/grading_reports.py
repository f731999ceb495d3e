"""Cases that a person says were graded wrongly, kept in the run folder as a report that can be copied."""

import json
from pathlib import Path

from grpo_space.errors import UserError
from grpo_space.results.comparison import Problem
from grpo_space.runs.run import Run

MOST = 1000
"""Cases that are kept of a run: more is no report but a flood."""


def file_of(run: Run) -> Path:
    """Where a run's cases are kept."""
    return run.folder / "graded-wrongly.jsonl"


def keep(run: Run, evaluation: str, problem: Problem, why: str = "") -> str:
    """Keeps a case in the run's folder, once, and returns its report. `evaluation`: the title of the one it is from.

    Raises:
        UserError: where it cannot be written, or there are too many.
    """
    case = {
        "evaluation": evaluation,
        "number": problem.number,
        "question": problem.base.question,
        "expected": problem.base.gold,
        "why": why.strip()[:2000],
        **{
            name: {"text": a.text, "read": a.value, "right": a.correct, "because": a.reason}
            for name, a in (("base", problem.base), ("tuned", problem.tuned))
        },
    }
    line = json.dumps(case, ensure_ascii=False).encode(errors="replace").decode()
    path = file_of(run)
    try:
        known = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
        if len(known) > MOST:
            raise UserError(f"{path.name}: holds {MOST} cases already")
        if line not in known:
            with path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error
    return report(run, evaluation, problem, why)


def report(run: Run, evaluation: str, problem: Problem, why: str = "") -> str:
    """A case in words, to be sent to whoever can mend it."""
    parts = [
        f"Run {run.id}, problem {problem.number}: graded wrongly" + (f". {why.strip()}" if why.strip() else "."),
        f"Evaluation: {evaluation}",
        f"Question: {problem.base.question}",
        f"Expected: {problem.base.gold}",
    ]
    for name, answer in (("Base", problem.base), ("Tuned", problem.tuned)):
        graded = "right" if answer.correct else "wrong"
        parts.append(f"{name}, graded {graded} (read {answer.value}; {answer.reason}):\n{answer.text}")
    return "\n\n".join(parts)
