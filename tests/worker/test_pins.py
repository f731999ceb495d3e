"""What a run began with is what it goes on with: its branches on the Hub may move meanwhile."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from huggingface_hub import constants

from grpo_space.config import RunConfig
from grpo_space.config_io import override, parse
from grpo_space.paths import PROJECT
from grpo_space.presets import read_preset
from grpo_space.publishing import card
from grpo_space.publishing.publish import gather
from grpo_space.runs import evaluations, launch
from grpo_space.runs.events import Evaluated, EvaluationRequest, Failed, Finished, Loaded, Started
from grpo_space.runs.pins import pinned
from grpo_space.runs.run import create_run
from grpo_space.worker.pipeline import effective_config
from tests.support.hub_server import HubServer
from tests.support.processes import gone, until

OLD, OTHER = "a" * 40, "b" * 40


@pytest.fixture
def config(hub: HubServer, runs_root: Path, tmp_path: Path) -> RunConfig:
    """A run of one step, whose model and problems are on the Hub."""
    hub.hub.upload("owner/tiny", PROJECT / "presets/tiny/model")
    lines = (PROJECT / "presets/tiny/train.jsonl").read_text().splitlines()[:60]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text("\n".join(lines))
    hub.hub.upload("owner/sums", tmp_path / "data", "dataset")
    tiny = read_preset("tiny").run.model_dump(mode="json")
    changed = {
        "model": {**tiny["model"], "id": "owner/tiny"},
        "data": {"id": "owner/sums", "max_prompt_length": 900},
        "evaluation": {"problems": 4, "probe_problems": 0},
        "grpo": {**tiny["grpo"], "max_steps": 1, "per_device_train_batch_size": 16, "max_completion_length": 8},
    }
    return parse({**tiny, **changed})


def test_the_branch_moves_on_and_the_old_commit_is_evaluated_and_published(
    config: RunConfig, hub: HubServer, tmp_path: Path
) -> None:
    run = create_run(config)
    launch.start(run)
    ended = until(run.log, lambda event: isinstance(event, Finished | Failed))
    assert isinstance(ended, Finished), ended
    model, data = (
        hub.hub.head(kind, name)["oid"] for kind, name in (("model", "owner/tiny"), ("dataset", "owner/sums"))
    )

    hub.hub.commit("model", "owner/tiny", "another model", {"config.json": b"{}"})
    rows = [{"question": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(60)]
    hub.hub.commit("dataset", "owner/sums", "others", {"train.jsonl": "\n".join(map(json.dumps, rows)).encode()})
    gone(run)
    shutil.rmtree(Path(constants.HF_HUB_CACHE).parent)
    log = evaluations.begin(run, EvaluationRequest(limit=3))
    ended = until(log, lambda event: isinstance(event, Finished | Failed))
    assert isinstance(ended, Finished), ended
    [loaded] = [event for event in log.events() if isinstance(event, Loaded)]
    assert (loaded.model_commit, loaded.data_commit) == (model, data)
    for event in log.events():
        if isinstance(event, Evaluated):
            assert event.method is not None
            assert event.method.model_commit == model

    text = str(card.card(run, "owner/made"))
    assert f"Loaded: `owner/tiny`, commit `{model}`; owner/sums, commit `{data}`." in text
    assert f'AutoModelForCausalLM.from_pretrained("owner/tiny", revision="{model}")' in text
    (tmp_path / "up").mkdir()
    files = gather(run, "owner/made", tmp_path / "up")
    published = yaml.safe_load(files["config.yaml"].read_text())
    assert (published["model"].pop("revision"), published["data"].pop("revision")) == (model, data)
    own = run.config.model_dump(mode="json")
    assert (own["model"].pop("revision"), own["data"].pop("revision")) == (None, None)
    assert published == own, "nothing else changes"


def test_a_resumed_run_asks_for_the_commits_that_it_began_with(config: RunConfig) -> None:
    run = create_run(override(config, ["model.revision=main"]))
    run.log.append(Started())
    assert effective_config(run) == run.config, "nothing was loaded yet"
    run.log.append(Loaded(engine="", model_commit=OLD, data_commit=OTHER, rows=""))
    resumed = effective_config(run)
    assert (resumed.model.revision, resumed.data.revision) == (OLD, OTHER)


def test_files_of_this_disk_have_no_revision() -> None:
    tiny = read_preset("tiny").run
    loaded = Loaded(engine="", model_commit="6bacc9afc09eadf9", data_commit="64bfb81520490cc1", rows="")
    assert pinned(tiny, loaded) == tiny
    assert pinned(tiny, None) == tiny
