"""A run's model and data by commit: whatever their branches become, later work on the run uses what it began with."""

import re

from grpo_space.config import RunConfig
from grpo_space.runs.events import Loaded


def pinned(config: RunConfig, loaded: Loaded | None) -> RunConfig:
    """The config with the commits that the run loaded as its revisions. Files on this disk have none."""
    if loaded is None:
        return config
    model, data = config.model, config.data
    if is_commit(loaded.model_commit):
        model = model.model_copy(update={"revision": loaded.model_commit})
    if is_commit(loaded.data_commit) and data.id is not None:
        data = data.model_copy(update={"revision": loaded.data_commit})
    return config.model_copy(update={"model": model, "data": data})


def is_commit(text: str) -> bool:
    """Whether that is a commit on the Hub: the digest of files on this disk is shorter."""
    return re.fullmatch("[0-9a-f]{40}", text) is not None
