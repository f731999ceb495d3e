"""The settings and the code of one's own that decide what a run learns: once it has begun they stay, or its results
are nobody's config's.
"""

import hashlib
from pathlib import Path
from typing import Any

from grpo_space.config import RunConfig
from grpo_space.errors import Problem, UserError
from grpo_space.paths import folder
from grpo_space.runs import trust
from grpo_space.runs.events import Failed, Loaded
from grpo_space.runs.run import Run

MAY_CHANGE = {
    "name", "engine", "rollout", "gpus", "vllm_cache", "fallbacks", "stop_when_learnt", "max_minutes", "evaluation",
    "model.id", "model.revision", "model.max_seq_length",
    "grpo.max_steps", "grpo.save_steps", "grpo.per_device_train_batch_size", "grpo.gradient_accumulation_steps",
}  # fmt: skip
"""How far a run goes and how a step is worked out, not what it learns from. That the model and the problems are the
same is known by their digests: a file may lie elsewhere by now.
"""
OF_THE_DATA = ("system_prompt", "verifier")
MOST_SHOWN = 60


def settings(config: RunConfig) -> dict[str, Any]:
    """Each setting that decides what is learnt, by its dotted name. Functions of one's own are named by file and
    function alone.
    """
    data: dict[str, Any] = config.model_dump(mode="json", exclude={"rewards", "data"})
    found: dict[str, Any] = {"grpo.completions_per_step": config.grpo.completions_per_step}
    for name, value in data.items():
        found |= {f"{name}.{key}": part for key, part in value.items()} if isinstance(value, dict) else {name: value}
    found |= {f"data.{name}": getattr(config.data, name) for name in OF_THE_DATA}
    found["data.verifier"] = config.data.verifier and Path(config.data.verifier).name
    found["rewards"] = {Path(name).name: weight for name, weight in config.rewards.items()}
    return {name: found[name] for name in found if not {name, name.partition(".")[0]} & MAY_CHANGE}


def check(run: Run) -> None:
    """Refuses a run whose config.yaml is not the one any more that what it has saved was trained with.

    Raises:
        UserError: naming each setting that was changed. One that the log knows nothing of is not looked at.
    """
    loaded = _begun(run)
    if loaded is None:
        return
    now, then = settings(run.config), loaded.settings
    changed = [name for name in now if name in then and now[name] != then[name]]
    if changed:
        raise UserError(*(Problem(name, _words(now[name], then[name])) for name in changed))


def code(run: Run, rewards: bool = True) -> dict[str, str]:
    """The digest of the file of each function of one's own that may run here, by file and function, with `rewards` or
    without them. One whose file is not there has none.
    """
    waiting, found = trust.unconfirmed(run), {}
    for name in _own(run.config, rewards):
        file = folder(name.rpartition(":")[0])
        if name not in waiting and file.is_file():
            found[Path(name).name] = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    return found


def check_code(run: Run, rewards: bool) -> None:
    """Refuses a run whose verifier, or one of whose `rewards` where these are called, was edited since it began. A
    reward may be mended where the latest attempt ended because one raised; a verifier not, which has judged the base.

    Raises:
        UserError: naming each function whose file is another one by now.
    """
    words = "its file was edited since this run began: put it back as it was, or start a new run"
    verifier, mended = run.config.data.verifier, _ended_by_a_reward(run)
    changed = [name for name in edited(run, rewards) if name == verifier or not mended]
    if changed:
        fields = ("data.verifier" if name == verifier else "rewards" for name in changed)
        raise UserError(*(Problem(field, f"{name}: {words}") for field, name in zip(fields, changed, strict=True)))


def edited(run: Run, rewards: bool = True) -> list[str]:
    """The functions of one's own whose files are others than when the run began, its verifier and its `rewards`."""
    loaded = _begun(run)
    if loaded is None:
        return []
    now, then = code(run, rewards), loaded.code
    keys = {name: Path(name).name for name in _own(run.config, rewards)}
    return [name for name, key in keys.items() if {key} <= now.keys() & then.keys() and now[key] != then[key]]


def _ended_by_a_reward(run: Run) -> bool:
    end = run.history().end
    return isinstance(end, Failed) and end.message.startswith("RewardError: ")


def _begun(run: Run) -> Loaded | None:
    """What a run began with; None where it has saved nothing, so that it begins anew, or its log knows nothing."""
    if run.last_checkpoint() is None and not run.adapter.is_dir():
        return None
    return run.history().loaded


def _own(config: RunConfig, rewards: bool) -> list[str]:
    """The functions of one's own that a config names, as it names them."""
    names = (*(config.rewards if rewards else ()), config.data.verifier or "")
    return [name for name in names if ":" in name]


def _words(now: object, then: object) -> str:
    begun = f"{_shown(now)} is not the {_shown(then)} that this run began with"
    return f"{begun}: put it back in config.yaml, or start a new run"


def _shown(value: object) -> str:
    words = " ".join(str(value).split())
    return words if len(words) <= MOST_SHOWN else f"{words[:MOST_SHOWN]} …"
