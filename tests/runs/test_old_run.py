"""A run folder that the version of 2026-11-25 made, cut off in its third of four steps: this version takes it up.

It trained the embedded model with rank 1 and 16 completions a step. Files that nothing reads, and paths of the machine
that made it, were taken out.
"""

import json
import shutil
from pathlib import Path

import pytest

from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.runs import trained_with
from grpo_space.runs.checkpoints import folder_of
from grpo_space.runs.events import Evaluated, Finished, Started
from grpo_space.runs.groups import RunGroups
from grpo_space.runs.run import Run, find_run
from grpo_space.ui.live.follower import Followers
from grpo_space.worker import pipeline
from tests.support.hub_server import HubServer
from tests.support.processes import ROOT, TOKEN, Cli

NAME = "2026-11-25-090000-tiny-old"


@pytest.fixture
def run(runs_root: Path) -> Run:
    return Run(Path(shutil.copytree(ROOT / "tests/support/old_run", runs_root / NAME)))


@pytest.mark.parametrize(
    ("edited", "words"),
    [
        (
            "grpo.max_steps=1",
            "grpo.max_steps: 1 is less than the 2 steps that this run has made: put it back",
        ),
        ("lora.r=8", "lora.r: 8 is not the 1 that this run began with: put it back"),
        ("lora.lora_alpha=16", "lora.lora_alpha: 16 is not the 32 that this run began with: put it back"),
    ],
)
def test_a_config_that_its_checkpoint_does_not_go_with_is_refused(run: Run, edited: str, words: str) -> None:
    config = override(run.config, [edited])
    with pytest.raises(UserError, match=words):
        pipeline.check_config(config, 2, folder_of(run.checkpoints, 2))
    pipeline.check_config(run.config, 2, folder_of(run.checkpoints, 2))


def test_it_opens(run: Run, cli: Cli) -> None:
    [listed] = json.loads(cli("runs", "--json").stdout)
    assert listed == {"id": NAME, "status": "died", "step": 2, "max_steps": 4, "control": False}
    page = Followers().look(NAME)
    assert page is not None
    assert (page.status, page.groups, page.config) == ("died", 3, run.config)
    assert "cut off at step 2 of 4" in page.now
    assert run.last_checkpoint() == 2


def test_it_resumes_is_evaluated_and_published(
    run: Run, cli: Cli, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    resumed = cli("resume", NAME)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    events = find_run(NAME).log.read()[0]
    assert [event.from_step for event in events if isinstance(event, Started)] == [0, 2]
    assert isinstance(events[-1], Finished)
    history = run.history()
    assert [step.step for step in history.steps] == [1, 2, 3, 4]
    assert history.loaded is not None
    assert history.loaded.settings == trained_with.settings(run.config), "from now on they stay"
    assert history.tuned is not None
    groups = RunGroups.of(run.folder, history)
    assert [outcome.step for outcome in groups.outcomes()] == [1, 2, 3, 3, 4, 4], "two of its events, then the file's"
    assert groups[-1].samples[0].text
    old, new = (event for event in events if isinstance(event, Evaluated) and event.which == "base")
    assert old.key != new.key, "what decides what is right has changed since: the base is not taken as it was"

    evaluated = cli("evaluate", NAME, "--limit", "4")
    assert evaluated.returncode == 0, evaluated.stderr
    assert "Base against tuned" in evaluated.stdout

    published = cli("publish", NAME, "owner/old")
    assert published.returncode == 0, published.stderr
    assert "Published" in published.stdout
    assert "adapter_model.safetensors" in hub.hub.files("owner/old")
