"""With the real worker: it loads the embedded model's tokenizer."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from grpo_space.config import RunConfig
from grpo_space.config_io import override, write_yaml
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs import launch
from grpo_space.runs.run import all_runs
from tests.support.hub_server import HubServer
from tests.support.processes import ROOT, TOKEN

TINY = read_preset("tiny").run


def refused(config: RunConfig, seconds: float = 60) -> list[str]:
    with pytest.raises(UserError) as caught:
        launch.preview(config, seconds=seconds)
    return list(caught.value.problems)


def test_three_rows_exactly_as_training_asks_them(runs_root: Path) -> None:
    from transformers import AutoTokenizer

    from grpo_space.tasks import dataset
    from grpo_space.tasks.problems import messages

    config = TINY.model_copy(update={"data": TINY.data.model_copy(update={"system_prompt": "Think <b>well</b>."})})
    tokenizer = AutoTokenizer.from_pretrained(ROOT / TINY.model.id)
    seen = launch.preview(config)
    rows = dataset.load(config).train[:3]
    for shown, row in zip(seen, rows, strict=True):
        conversation = messages(row.question, config.data.system_prompt)
        ids = tokenizer.apply_chat_template(conversation, add_generation_prompt=True, return_dict=False)
        assert shown.prompt == tokenizer.decode(ids)
        assert (shown.tokens, shown.answer) == (len(ids), row.gold)


def test_a_preview_is_kept_and_another_config_has_its_own(runs_root: Path) -> None:
    assert launch.kept_preview(TINY) is None
    seen = launch.preview(TINY)
    assert launch.kept_preview(TINY) == seen
    assert launch.preview(TINY, seconds=0) == seen
    assert launch.kept_preview(override(TINY, ["grpo.max_steps=5"])) == seen
    assert launch.kept_preview(override(TINY, ["data.system_prompt=Think."])) is None
    assert all_runs() == []


def test_a_preview_that_was_half_written_is_made_again(runs_root: Path) -> None:
    seen = launch.preview(TINY)
    [file] = (runs_root / "previews").iterdir()
    file.write_text(file.read_text()[:20])
    assert launch.kept_preview(TINY) is None
    assert launch.preview(TINY) == seen


def test_a_gated_models_tokenizer_is_read_with_the_callers_token(runs_root: Path, hub: HubServer) -> None:
    hub.hub.create("meta/gated", gated="manual", by="user")
    tokenizer = {
        path.name: path.read_bytes() for path in (ROOT / TINY.model.id).iterdir() if path.suffix in (".json", ".jinja")
    }
    hub.hub.commit("model", "meta/gated", "a tokenizer", tokenizer)
    gated = override(TINY, ["model.id=meta/gated"])
    assert "meta/gated could not be had" in refused(gated)[0]
    hub.hub.users[TOKEN].access.add("meta/gated")
    assert [row.prompt for row in launch.preview(gated, TOKEN)] == [row.prompt for row in launch.preview(TINY)]
    kept = [path for path in runs_root.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert kept == []


def test_a_bad_line_of_the_data_is_named(runs_root: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"question": "q", "answer": "1"}\n{"question": "secret"}\n')
    assert refused(override(TINY, [f"data.path={tmp_path / 'rows.jsonl'}"])) == ["rows.jsonl line 2: has no answer"]


def test_prompts_that_are_all_too_long_are_refused(runs_root: Path) -> None:
    assert refused(override(TINY, ["data.max_prompt_length=16"])) == [
        "data.max_prompt_length: every prompt is longer than 16 tokens"
    ]


def test_a_tokenizer_that_cannot_be_had_is_named(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    [problem] = refused(override(TINY, ["model.id=nobody/nothing-of-that-name"]))
    assert problem.startswith("model.id: the tokenizer of nobody/nothing-of-that-name could not be had: ")


def test_it_is_not_waited_for_without_end(runs_root: Path) -> None:
    assert refused(TINY, seconds=0.01) == [
        "the preview was not there after 0.01 s: the Hub may be slow or out of reach"
    ]


def test_the_worker_loads_no_trainer_and_says_nothing_else(runs_root: Path) -> None:
    code = (
        "import sys; from grpo_space.worker import preview; preview.main();"
        "assert not {'torch', 'trl', 'peft', 'gradio'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps({"config": write_yaml(TINY), "token": None}),
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    assert len(json.loads(done.stdout)["rows"]) == 3
