"""One press evaluates the checkpoint that the held-out probe found better than the last one."""

import shutil
from pathlib import Path

from grpo_space.presets import read_preset
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Alarm, EvaluationRequest, Finished, Probe, Started
from grpo_space.runs.run import create_run
from grpo_space.ui.live.follower import Follower
from grpo_space.ui.train import evaluate_best
from tests.support import made
from tests.support.fake_worker import whole_run

OLD_RUN = Path(__file__).resolve().parents[1] / "support" / "old_run"


def test_a_checkpoint_that_the_probe_found_better_is_one_press_away_until_it_is_evaluated(runs_root: Path) -> None:
    run = create_run(read_preset("tiny").run)
    for event in whole_run(3)[:-2]:
        run.log.append(event)
    for number, right in ((1, 2), (2, 4), (3, 3)):
        run.log.append(Probe(step=number, correct=right, strict_correct=0, n=4))
    assert evaluate_best.step_of(Follower(run).page()) is None
    run.log.append(Alarm(step=3, name="best", message="By the held-out probe the best checkpoint is that of step 2."))
    assert evaluate_best.step_of(Follower(run).page()) is None  # it is not on this disk
    shutil.copytree(OLD_RUN / "checkpoints" / "checkpoint-2", run.checkpoints / "checkpoint-2")
    assert evaluate_best.step_of(Follower(run).page()) == 2
    log = EventLog(run.folder / "evaluations" / "2099-01-01-000000.jsonl")
    log.path.parent.mkdir()
    asked = EvaluationRequest(checkpoint=2)
    for event in (Started(task="evaluate", request=asked), made.BASE, made.BOTH, Finished(why="done")):
        log.append(event)
    assert evaluate_best.step_of(Follower(run).page()) is None
