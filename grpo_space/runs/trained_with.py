"""The settings that decide what a run learns: once it has begun they stay, or its results are nobody's config's."""

from pathlib import Path
from typing import Any

from grpo_space.config import RunConfig
from grpo_space.errors import Problem, UserError
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
    if run.last_checkpoint() is None and not run.adapter.is_dir():  # it begins anew
        return
    loaded = run.history().loaded
    if loaded is None:
        return
    now, then = settings(run.config), loaded.settings
    changed = [name for name in now if name in then and now[name] != then[name]]
    if changed:
        raise UserError(*(Problem(name, _words(now[name], then[name])) for name in changed))


def _words(now: object, then: object) -> str:
    begun = f"{_shown(now)} is not the {_shown(then)} that this run began with"
    return f"{begun}: put it back in config.yaml, or start a new run"


def _shown(value: object) -> str:
    words = " ".join(str(value).split())
    return words if len(words) <= MOST_SHOWN else f"{words[:MOST_SHOWN]} …"
