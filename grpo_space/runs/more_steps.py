"""A run that resumes from its last checkpoint under another setting: more steps, or another number of GPUs."""

from collections.abc import Sequence

from grpo_space.config_io import override, write_yaml
from grpo_space.errors import UserError
from grpo_space.runs import launch
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run
from grpo_space.whole_file import write_whole


def check(run: Run, steps: int) -> None:
    """Refuses so many steps in all where the run cannot be given them, by a UserError."""
    if run.standalone is not None:
        raise UserError(f"{run.id}: is an evaluation, which trains nothing")
    if run.status() == "running":
        raise UserError(f"{run.id}: is active: stop it first, or wait for its end")
    most = run.config.grpo.max_steps
    if steps <= most:
        raise UserError(f"steps {steps:,}: {run.id} has {most:,} already; more than these are needed")
    if not run.last_checkpoint():
        raise UserError(f"{run.id}: keeps no checkpoint to train on from: begin a new run with its adapter, lora.start")


def train_on(run: Run, steps: int, token: str | None = None) -> None:
    """Starts a run again, with so many steps in all. Its config then says so; its log keeps what was measured before,
    which counts as a look at the held-out problems.

    Raises:
        UserError: where that cannot be, or the machine is busy; the run is then as it was.
    """
    check(run, steps)
    resume_with(run, [f"grpo.max_steps={steps}"], token)


def resume_with(run: Run, settings: Sequence[str], token: str | None = None) -> None:
    """Starts a run again with changed settings, such as `gpus=1`. Its config then says so.

    Raises:
        UserError: where that cannot be, or the machine is busy; the run is then as it was.
    """
    before = run.config
    _write(run, write_yaml(override(before, settings)))
    try:
        launch.start(run, token=token)
    except UserError:
        _write(run, write_yaml(before))
        raise


def _write(run: Run, text: str) -> None:
    """Puts another config in the place of the run's: whole, or not at all."""
    with locked(run.folder / "lock") as mine:
        if not mine:
            raise UserError(f"{run.id}: is active: stop it first, or wait for its end")
        write_whole(run.folder / "config.yaml", text)
