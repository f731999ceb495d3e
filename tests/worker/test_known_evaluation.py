"""An evaluation that was made already is taken over, with the run that made it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grpo_space.presets import read_preset
from grpo_space.runs.run import create_run
from grpo_space.ui.live import progress
from grpo_space.worker import evaluate
from tests.support.fake_worker import evaluated


def test_only_another_run_is_named_as_its_source(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "how", lambda *_: SimpleNamespace(key="k"))
    config, engine = read_preset("tiny").run, Any
    run, other = create_run(config, runs_root / "run"), create_run(config, runs_root / "other")
    run.log.append(evaluated("base", [True, False]))
    for asking, source, words in ((run, "", "right of 2;"), (other, "run", "right of 2 (measured in an earlier run);")):
        for _ in range(2):  # begun, then resumed
            known = evaluate.known(asking, engine, [], config, "base")  # type: ignore[arg-type]
            assert known is not None
            assert known.reused_from == source
            asking.log.append(known)
        assert words in progress.story(asking.history()).replace("\u00a0", " ")
