"""One press on the page trains a run's control, spoken over HTTP."""

from pathlib import Path

from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.results import control
from grpo_space.runs import launch
from grpo_space.runs.events import Finished, Remembered, Started
from grpo_space.runs.run import all_runs, create_run
from tests.support import made
from tests.support.hostile import call, handler_of
from tests.support.processes import gone
from tests.support.served import Served

SMALL = ["grpo.max_steps=1", "grpo.per_device_train_batch_size=8", "evaluation.problems=4"]


def test_one_press_trains_the_control_of_the_run_that_is_shown(runs_root: Path) -> None:
    run = create_run(override(read_preset("tiny").run, SMALL))
    remembered = Remembered(both=0, only_original=38, only_changed=1, neither=161, seed=0)
    for event in (Started(), made.BASE, remembered, made.BOTH, Finished(why="done")):
        run.log.append(event)
    served = Served()
    try:
        press = handler_of(served.url, "gs-control")
        assert "'success': True" in call(served.url, press, [None])
        [other] = [each for each in all_runs() if each.id != run.id]
        assert other.config == control.control_of(run.config)
        assert "needs no control, or has one" in call(served.url, press, [None]), "the page shows the control now"
        launch.stop(other)
        gone(other)
    finally:
        served.close()
