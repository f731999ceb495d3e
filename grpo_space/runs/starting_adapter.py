"""The adapter that a run begins from, where that is not a fresh one: another run's, one in a folder, or the Hub's."""

from pathlib import Path

from grpo_space import paths
from grpo_space.config import LoraSection, RunConfig
from grpo_space.errors import Problem, UserError
from grpo_space.runs import adapters, checkpoints
from grpo_space.runs.run import Run, all_runs

FIELD = "lora.start"


def check(run: Run) -> None:
    """Refuses a start from an adapter that cannot be, by a UserError, as far as that is known before anything is
    started: of one on the Hub by its name alone.
    """
    config = run.config
    if config.lora.start is None or run.last_checkpoint() is not None:  # it has taken the adapter over already
        return
    if (folder := _here(config.lora.start)) is not None:
        _check(config, folder)
    elif config.lora.start.startswith((".", "/", "~")) or config.lora.start.count("/") != 1:
        raise UserError(Problem(FIELD, f"{config.lora.start} is no run here, no folder, and no user/name on the Hub"))


def find(run: Run, config: RunConfig, token: str | None) -> Path | None:
    """The folder of the adapter to load where the run is trained; None: a fresh one. A run that has a checkpoint loads
    that: it needs the adapter that it began from no more.
    """
    if config.lora.start is None:
        return None
    if (step := checkpoints.resumable(run.checkpoints).step) is not None:
        return checkpoints.folder_of(run.checkpoints, step)
    folder = _here(config.lora.start) or adapters.fetch(config.lora.start, token)
    _check(config, folder)
    return folder


def words(run: Run, config: RunConfig) -> str:
    """What to know of a comparison of such a run: it is of the base, and so of both trainings together."""
    start = config.lora.start
    other = next((other for other in all_runs() if other.id == start), None)
    mine, theirs = run.history().loaded, other.history().loaded if other else None
    same = mine is not None and theirs is not None and mine.rows_digest == theirs.rows_digest
    seen = "" if same else " Whether that one was trained on problems that are held out here is not known."
    return (
        f"This run began from the adapter of {start}: what it shows against the base is both trainings together. "
        f"What this one added: evaluate that adapter on the same problems, and compare.{seen}"
    )


def is_run(name: str) -> bool:
    """Whether a name is that of a run here."""
    return any(run.id == name for run in all_runs())


def _here(name: str) -> Path | None:
    """The folder of an adapter that lies on this disk: a run's, by the run's name, or any."""
    for run in all_runs():
        if run.id == name:
            return _of(run)
    folder = paths.folder(name)
    return folder if folder.is_dir() else None


def _of(run: Run) -> Path:
    if (run.adapter / adapters.CONFIG).is_file():
        return run.adapter
    if step := run.last_checkpoint():
        return checkpoints.folder_of(run.checkpoints, step)
    raise UserError(Problem(FIELD, f"{run.id} has no adapter yet: it was not trained far enough to save one"))


def _check(config: RunConfig, folder: Path) -> None:
    name = str(config.lora.start)
    adapters.check(folder, config.model, name)
    own = adapters.as_adapter(config.lora, folder, name)
    if wrong := [*_differences(config.lora, own)]:
        raise UserError(*wrong)


def _differences(wanted: LoraSection, own: LoraSection) -> list[Problem]:
    """What the config says of the adapter's shape and the adapter has otherwise: so a config never says what is not."""
    fields = {
        "r": (wanted.r, own.r),
        "lora_alpha": (wanted.lora_alpha, own.lora_alpha),
        "target_modules": (", ".join(sorted(wanted.target_modules)), ", ".join(sorted(own.target_modules))),
    }
    return [
        Problem(f"lora.{field}", f"{mine}, and the adapter {wanted.start} has {its}: set it so")
        for field, (mine, its) in fields.items()
        if mine != its
    ]
