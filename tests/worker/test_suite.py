"""A suite by a real worker: killed in the middle and taken up, and the same table again for the same seed."""

import json
import os
import signal
from pathlib import Path

from grpo_space.runs import suites
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Evaluated, Phase
from grpo_space.runs.locks import holder
from grpo_space.runs.run import Run
from grpo_space.tasks import suite
from tests.support.hand_made import run_with_adapter
from tests.support.hub_server import HubServer
from tests.support.processes import Cli, gone, start_cli, until, wait_for

LIMIT = "8"


def math_500(hub: HubServer, folder: Path) -> str:
    """Ten of its problems in its own columns, on the Hub of the test; gives the commit."""
    folder.mkdir()
    rows = [
        {
            "problem": f"Compute ${n}+1$.", "solution": f"It is $\\boxed{{{n + 1}}}$.", "answer": str(n + 1),
            "subject": "Algebra", "level": 2, "unique_id": f"test/algebra/{n}.json",
        }
        for n in range(10)
    ]  # fmt: skip
    (folder / "test.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return hub.hub.upload("HuggingFaceH4/MATH-500", folder, "dataset")


def measured(run: Run) -> list[tuple[str, str]]:
    """The results in the newest suite's log, in their order."""
    log, _ = next(suites.made(run))
    return [(event.set, event.which) for event in log.events() if isinstance(event, Evaluated)]


def test_killed_in_the_middle_it_loses_no_finished_set(
    runs_root: Path, cli: Cli, hub: HubServer, tmp_path: Path
) -> None:
    commit = math_500(hub, tmp_path / "math")
    run = run_with_adapter(runs_root / "made", 8)
    asked = ("benchmark", run.id, "--suite", "full", "--seed", "7", "--limit", LIMIT)
    process = start_cli(*asked)
    wait_for(lambda: run.evaluations() or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    log = EventLog(run.evaluations()[0])
    until(log, lambda event: isinstance(event, Phase) and event.detail == suite.NAMES["fresh-2"].title, 240)
    worker = holder(run.folder / "lock")
    assert worker is not None
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    gone(run)
    said, wrong = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in wrong) == (1, False), wrong
    assert "the same command takes it up" in wrong
    assert "held-out problems" in said, "what is done counts"
    before = measured(run)
    assert ("fresh-1", "tuned") in before

    done = cli(*asked, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert len(run.evaluations()) == 1, "taken up in its own log"
    after = measured(run)
    assert after[: len(before)] == before
    assert len(set(after)) == len(after), "what was measured is not measured again"
    assert set(told["sets"]) == {"held-out", *suite.MADE, "math-500"} - {suite.PUZZLES}
    assert told["sets"]["math-500"]["commit"] == commit
    assert all(each["n"] == 8 for each in told["sets"].values())
    assert {"example", "examples", "explained"} == set(told["prompts"])
    assert set(told["left_out"]) >= {"GSM8K's test", "ARC-Challenge"}, "this Hub does not have them"
    assert "not installed here" in told["left_out"][suite.NAMES[suite.PUZZLES].title]
    assert "Not run: " in " ".join(told["words"])

    again = cli(*asked, "--rerun", "--json")
    assert again.returncode == 0, again.stderr
    assert table(json.loads(again.stdout)) == table(told)
    assert len(run.evaluations()) == 2
    assert [row.question for row in suite.made("fresh-1", 7, 8)] == asked_in(run, "fresh-1")


def table(told: dict[str, dict[str, dict[str, object]]]) -> dict[str, dict[str, object]]:
    return {name: {k: v for k, v in each.items() if k != "time"} for name, each in told["sets"].items()}


def asked_in(run: Run, name: str) -> list[str]:
    _, history = next(suites.made(run))
    return [answer.question for answer in history.sets[name]["tuned"].answers]
