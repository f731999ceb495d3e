import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.config import RunConfig
from grpo_space.config_io import parse, write_yaml
from grpo_space.errors import UserError
from grpo_space.grading.rewards import REWARDS
from grpo_space.planning import hardware
from grpo_space.presets import preset_names, read_preset
from grpo_space.runs.run import runs_folder
from grpo_space.ui.access import Access
from grpo_space.ui.deployment import here
from grpo_space.ui.preset import folds, form
from grpo_space.ui.preset import tab as preset
from tests.support.configs import configs

HERE = replace(here({}), gpu=None)
TINY = read_preset("tiny").run
QWEN = read_preset("qwen2.5-1.5b").run


def every_field(model: Any = RunConfig, prefix: str = "") -> list[str]:
    found: list[str] = []
    for name, field in model.model_fields.items():
        inner = hasattr(field.annotation, "model_fields")
        found += every_field(field.annotation, f"{prefix}{name}.") if inner else [prefix + name]
    return found


def refused(values: form.Values, base: RunConfig = TINY) -> dict[str, str]:
    """What is said at which field; nothing may be said anywhere else."""
    with pytest.raises(UserError) as caught:
        form.config_of(values, base)
    at, other = form.complaints(caught.value, values)
    assert other == []
    return at


def test_every_setting_has_a_component_on_the_page() -> None:
    with gr.Blocks() as page:
        tab = preset.build(page.load, HERE)
    assert set(every_field()) - set(tab.fields) == {"rewards", "data.run_code", "data.verifier"}
    assert {f"rewards.{name}" for name in REWARDS} <= set(tab.fields)
    labels = [part.label for part in tab.fields.values() if not isinstance(part, gr.State)]
    assert len(labels) == len(set(labels))


OTHER = {"whole": 50, "number": 0.5, "text": "other", "names": ["q_proj"]}


@pytest.mark.parametrize("path", sorted(form.LEAVES))
def test_what_is_typed_reaches_the_config(path: str) -> None:
    leaf = form.LEAVES[path]
    base = QWEN if path in form.HUB else TINY
    values = form.values_of(base)
    if path in form.HUB or path in form.UPLOADED or path in form.GENERATED:
        values["data.source"] = "hub" if path in form.HUB else "file" if path in form.UPLOADED else "made"
        values["data.generate"] = "countdown"
        values["data.path"] = "/kept/rows.jsonl"
    if leaf.kind == "yes":
        wanted: Any = not values[path]
    elif leaf.kind == "choice":
        wanted = next(choice for choice in leaf.choices if choice != values[path] and choice != "vllm")
    elif path == "data.id":
        wanted = "someone/else"
    elif path in ("data.difficulty", "gpus"):
        wanted = {"data.difficulty": 7, "gpus": 2}[path]
    else:
        wanted = OTHER[leaf.kind]
    allow: dict[str, dict[str, Any]] = {  # what a rule would otherwise refuse
        "grpo.warmup_ratio": {"grpo.lr_scheduler_type": "linear"},
        "grpo.num_generations": {"grpo.per_device_train_batch_size": 50},
        "grpo.per_device_train_batch_size": {"grpo.num_generations": 10},
        "model.max_seq_length": {"model.max_seq_length": 3000},
    }
    values |= {path: wanted, **allow.get(path, {})}
    config = form.config_of(values, base)
    got: Any = config.model_dump()
    for name in path.split("."):
        got = got[name]
    assert got == (tuple(values[path]) if leaf.kind == "names" else values[path])


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_goes_through_the_form_unchanged(name: str) -> None:
    run = read_preset(name).run
    assert form.config_of(form.values_of(run), run) == run
    assert form.changes(run, run) == []


@given(configs())
def test_any_config_goes_through_the_form_unchanged(config: RunConfig) -> None:
    assert form.config_of(form.values_of(config), config) == config


@given(st.dictionaries(st.sampled_from(sorted(REWARDS)), st.floats(0, 10), min_size=1), st.none() | st.floats(0, 1))
def test_weights_and_numbers_that_may_be_left_out_come_back(rewards: dict[str, float], min_p: float | None) -> None:
    rewards["correctness"] = 1e3
    config = parse({**TINY.model_dump(), "rewards": rewards, "grpo": {**TINY.grpo.model_dump(), "min_p": min_p}})
    assert form.config_of(form.values_of(config), config) == config


def test_a_hub_dataset_goes_through_its_own_fields_unchanged() -> None:
    assert form.config_of({**form.values_of(QWEN), "data.source": "hub"}, QWEN) == QWEN


def test_a_reward_of_ones_own_stays() -> None:
    config = parse({**TINY.model_dump(), "rewards": {"correctness": 1, "/own/mine.py:brief": 0.5}})
    values = form.values_of(config)
    assert form.config_of(values, config) == config
    assert form.config_of({**values, "rewards.format": "0.2"}, config).rewards["/own/mine.py:brief"] == 0.5


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("grpo.max_steps", 0, "0 should be greater than or equal to 1"),
        ("grpo.max_steps", 3.5, "3.5 should be a valid integer"),
        ("grpo.max_steps", None, "is empty: a whole number is needed"),
        ("grpo.learning_rate", -1e-4, "greater than 0"),
        ("grpo.learning_rate", None, "is empty: a number is needed"),
        ("grpo.top_k", -1, "greater than or equal to 0"),
        ("grpo.min_p", "lots", "'lots' should be a valid number"),
        ("grpo.min_p", "2", "'2' should be less than or equal to 1"),
        ("grpo.epsilon_high", "0.1", "0.1 is below epsilon 0.2"),
        ("grpo.loss_type", None, "is empty: a choice is needed"),
        ("grpo.max_completion_length", 2000, "longer than model.max_seq_length 2048"),
        ("grpo.warmup_ratio", 0.1, "take constant_with_warmup"),
        ("lora.r", 0, "greater than or equal to 1"),
        ("lora.target_modules", [], "is empty: at least one name is needed"),
        ("rewards.format", "much", "'much' should be a valid number"),
        ("rewards.correctness", "0.1", "a wrong answer could be worth more"),
        ("name", "Not A Name", "small letters"),
        ("name", "", "is empty: a text is needed"),
        ("seed", -1, "greater than or equal to 0"),
        ("model.id", "", "is empty: a text is needed"),
        ("model.id", "/etc", "'/etc' is not a name on the Hugging Face Hub"),
        ("model.id", "../model", "is not a name on the Hugging Face Hub"),
        ("model.id", "presets/tiny", "is not a name on the Hugging Face Hub"),
        ("model.id", "a\0b", "is not a name on the Hugging Face Hub"),
        ("grpo.num_generations", 6, "take 4 or 8 or per_device_train_batch_size 66"),
        ("grpo.num_generations", 100, "take 64 or per_device_train_batch_size 100"),
        ("evaluation.problems", 0, "greater than or equal to 1"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_at_its_own_field(path: str, value: object, words: str) -> None:
    at = refused({**form.values_of(TINY), path: value})
    assert list(at) == [path]
    assert words in at[path]


@pytest.mark.parametrize("path", [path for path, leaf in form.LEAVES.items() if leaf.kind in ("whole", "number")])
def test_no_number_is_lost_in_silence(path: str) -> None:
    """What is no number is refused at the field, and what may be left out is None, never 0."""
    values = form.values_of(TINY)
    if form.LEAVES[path].optional:
        section, _, name = path.rpartition(".")
        data = form.config_of({**values, path: ""}, TINY).model_dump()
        assert (data[section] if section else data)[name] is None
    else:
        assert path in refused({**values, path: None})
    assert path in refused({**values, path: "x"})


def test_all_that_is_wrong_is_said_at_once() -> None:
    values = form.values_of(TINY) | {"seed": -1, "grpo.beta": 99, "grpo.num_generations": 5, "model.id": "/x"}
    assert set(refused(values)) == {"seed", "grpo.beta", "grpo.num_generations", "model.id"}


def test_no_rewards_at_all_is_said_at_the_first() -> None:
    values = form.values_of(TINY) | {f"rewards.{name}": "" for name in REWARDS}
    assert "at least 1 item" in refused(values)["rewards.correctness"]


def test_a_source_that_is_not_there_yet_is_said_at_its_field() -> None:
    values = form.values_of(TINY)
    assert refused({**values, "data.source": "file"}) == {"data.path": "upload a file that can be read"}
    assert "such as openai/gsm8k" in refused({**values, "data.source": "hub"})["data.id"]
    assert "is not a name" in refused({**values, "data.source": "hub", "data.id": "/etc"})["data.id"]


def test_another_source_leaves_nothing_of_the_old_one() -> None:
    data = form.config_of({**form.values_of(QWEN), "data.source": "file", "data.path": "/kept/a.jsonl"}, QWEN).data
    assert (data.path, data.test_path, data.id, data.name, data.test_split) == ("/kept/a.jsonl", None, None, None, None)
    data = form.config_of({**form.values_of(TINY), "data.source": "hub", "data.id": "openai/gsm8k"}, TINY).data
    assert (data.path, data.test_path, data.id, data.split) == (None, None, "openai/gsm8k", "train")
    math = read_preset("qwen2.5-math-7b").run
    data = form.config_of({**form.values_of(math), "data.source": "gsm8k"}, math).data
    assert data == math.data.model_copy(update={"id": "openai/gsm8k", "name": "main"})


def test_a_step_is_told_in_words() -> None:
    values = form.values_of(TINY)
    assert form.one_step(values) == ("One step: 8 prompts, a group of 8 completions for each, 64 completions in all.")
    assert "do not make whole groups of 6" in form.one_step({**values, "grpo.num_generations": 6})
    for nonsense in (None, "", 0, 1, -4, 2.5, float("inf"), float("nan"), "x"):
        assert "One step: " not in form.one_step({**values, "grpo.num_generations": nonsense})


@given(st.integers(2, 256), st.integers(1, 512), st.integers(1, 8))
def test_the_group_sizes_that_are_offered_work(size: int, batch: int, passes: int) -> None:
    values = form.values_of(TINY) | {
        "grpo.num_generations": size,
        "grpo.per_device_train_batch_size": batch,
        "grpo.gradient_accumulation_steps": passes,
    }
    if batch * passes % size == 0:
        assert form.config_of(values, TINY).grpo.num_generations == size
        return
    offers = refused(values)["grpo.num_generations"].rpartition("; take ")[2].split(" or ")
    for offer in offers:
        other = offer.removeprefix("per_device_train_batch_size ")
        change = "grpo.num_generations" if other == offer else "grpo.per_device_train_batch_size"
        form.config_of({**values, change: int(other)}, TINY)


MARKUP = [
    r"`([^`]+)`",
    r"\[([^\]]+)\]\(([^)]+)\)",
    r"\*\*(.+?)\*\*",
    r"__(.+?)__",
    r"\*(.+?)\*",
    r"(?<!\w)_(.+?)_(?!\w)",
]
"""What Gradio 6.17.3 takes for markup in a component's `info`."""


@given(st.text(st.sampled_from("ab*_`[]() "), max_size=40))
def test_what_a_user_typed_is_no_markup_at_a_field(typed: str) -> None:
    said = form.as_text(typed)
    assert [pattern for pattern in MARKUP if re.search(pattern, said)] == []


def test_a_name_in_a_message_can_be_copied() -> None:
    assert form.as_text("take per_device_train_batch_size 66") == "take per_device_train_batch_size 66"


def test_changes_are_told_by_field() -> None:
    values = form.values_of(TINY) | {"grpo.max_steps": 5, "rewards.length": "0.5"}
    told = form.changes(TINY, form.config_of(values, TINY))
    assert told == ["grpo.max_steps: 10 → 5", "rewards.length: none → 0.5"]


def test_every_reward_says_what_it_pays_and_cannot_see() -> None:
    for path in form.WEIGHTS:
        assert form.help_of(path).startswith("Pays ")
        assert "cannot see" in form.help_of(path)
        assert len(form.help_of(path)) < 260


def test_help_speaks_of_empty_fields_not_of_none() -> None:
    assert [path for path in form.LEAVES if "None:" in form.help_of(path) or not form.help_of(path)] == []


def test_a_field_explains_itself_in_one_sentence_and_the_rest_is_asked_for() -> None:
    paths = [*form.LEAVES, *form.WEIGHTS]
    lines = {path: form.line_of(path) for path in paths}
    assert [path for path, line in lines.items() if len(line) > 180 or not form.help_of(path).startswith(line)] == []
    assert lines["grpo.max_steps"] == "Optimizer steps in all."
    assert lines["grpo.num_generations"] == "Group size G: completions sampled for each prompt."
    assert lines["grpo.scale_rewards"].endswith("(Dr. GRPO).")
    assert lines["rewards.correctness"].startswith("Pays 0 to 2. 2.0 for a right final answer")
    every = folds.meanings(paths)
    assert [path for path in paths if f"<code>{path}</code>" not in every] == []


def test_a_fold_says_what_is_in_it_and_opens_where_a_field_is_wrong() -> None:
    assert folds.lines(QWEN)["data"] == "Data: openai/gsm8k; 200 problems held out, of test"
    assert folds.lines(TINY)["rewards"] == "Rewards: correctness 1, format 1"
    wrong = folds.updates(["grpo.beta", "rewards.steps"], None)
    assert {name: update.get("open") for name, update in wrong.items()} == dict.fromkeys(
        ("model", "rest", "rewards"), True
    )
    assert all("open" not in update for update in folds.updates([], TINY).values())


def test_the_first_choice_fits_the_machine(runs_root: Path) -> None:
    big = hardware.Gpu("Tesla T4", 14.6, "550", (7, 5))
    for machine, name in ((None, "tiny"), (big, "qwen2.5-1.5b")):
        with gr.Blocks() as page:
            tab = preset.build(page.load, replace(HERE, gpu=machine))
        assert parse(yaml.safe_load(tab.config.value)) == read_preset(name).run
    assert not runs_folder().exists()


def test_who_may_not_is_refused_before_anything_is_read(runs_root: Path, tmp_path: Path) -> None:
    """Import, upload and preview: each is an endpoint that a stranger can call."""

    with gr.Blocks() as page:
        tab = preset.build(page.load, replace(HERE, access=Access(on_space=True, space_id="ada/grpo")))
    handlers = {fn.fn.__name__: fn.fn for fn in page.fns.values() if callable(fn.fn)}
    file, request = str(tmp_path / "not-there.yaml"), gr.Request()
    filled = tab.filled.value
    sent: dict[Any, Any] = {tab.filled: filled, tab.number: "0", tab.complained: {}}
    sent |= {tab.fields[path]: value for path, value in form.values_of(TINY).items()}
    imported = handlers["read_import"](file, filled, request)
    [uploaded] = handlers["keep"]({**sent, **dict.fromkeys(tab.files.values(), file)}, request)
    _, previewed = handlers["preview"](write_yaml(TINY), request)
    told = [imported[tab.import_note], uploaded[tab.upload_note], previewed]
    assert ["sign in with Hugging Face as the owner" in words for words in told] == [True, True, True]
    assert [len(imported), len(uploaded)] == [1, 1]
    assert list(handlers["preview_asked"](write_yaml(TINY), request)) == [tab.rows]
    assert not runs_root.exists()
