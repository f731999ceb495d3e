"""A run's model and data by commit: whatever their branches become, later work on the run uses what it began with."""

import re

from grpo_space.config import RunConfig
from grpo_space.runs.events import Loaded


def pinned(config: RunConfig, loaded: Loaded | None) -> RunConfig:
    """The config with the commits that the run loaded as its revisions. Files on this disk have none."""
    if loaded is None:
        return config
    if is_commit(loaded.data_commit) and config.data.id is not None:
        config = config.changed(data={"revision": loaded.data_commit})
    return with_commit(config, loaded.model_commit)


def with_commit(config: RunConfig, commit: str) -> RunConfig:
    """The config with its model at that commit; as it is where that is none."""
    return config.changed(model={"revision": commit}) if is_commit(commit) else config


def is_commit(text: str) -> bool:
    """Whether that is a commit on the Hub: the digest of files on this disk is shorter."""
    return re.fullmatch("[0-9a-f]{40}", text) is not None
