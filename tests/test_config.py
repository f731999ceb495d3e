import datetime
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.config import RunConfig
from grpo_space.config_io import override, parse, write_yaml
from grpo_space.errors import UserError
from grpo_space.foreign import read_yaml_file
from grpo_space.presets import read_preset
from tests.support.configs import configs

LEAST = {"model": {"id": "some/model"}, "data": {"path": "rows.jsonl"}}


def tiny(*settings: str) -> RunConfig:
    return override(read_preset("tiny").run, settings)


def refused(*settings: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        tiny(*settings)
    return list(caught.value.problems)


def test_a_model_and_data_are_enough() -> None:
    config = parse(LEAST)
    assert (config.model.id, config.data.path) == ("some/model", "rows.jsonl")
    assert config.grpo.completions_per_step % config.grpo.num_generations == 0


@pytest.mark.parametrize("data", [None, [], "model", 7])
def test_what_is_no_mapping_is_refused(data: object) -> None:
    with pytest.raises(UserError, match="mapping of settings"):
        parse(data)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(UserError) as caught:
        parse({})
    assert caught.value.problems == ("model: is missing", "data: is missing")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("grpo.max_steps=0", "greater than or equal to 1"),
        ("grpo.max_steps=3.5", "3.5"),
        ("grpo.max_steps=many", "'many' should be a valid integer"),
        ("grpo.top_k=100000000000000000000", "less than or equal to 1000000"),
        ("grpo.max_steps=yes", "True should be a number, not true or false"),
        ("grpo.max_steps=", "''"),
        ("grpo.max_steps=null", "None"),
        ("grpo.max_steps=[1", "'[1'"),
        ("grpo.max_steps.deep=3", "{'deep': 3}"),
        ("grpo.learning_rate=0", "greater than 0"),
        ("grpo.learning_rate=-1e-4", "-1e-4"),
        ("grpo.learning_rate=.nan", "nan should be a finite number"),
        ("grpo.learning_rate=.inf", "inf"),
        ("grpo.learning_rate=on", "not true or false"),
        ("grpo.num_generations=1", "greater than or equal to 2"),
        ("grpo.temperature=0", "greater than 0"),
        ("grpo.top_p=1.5", "less than or equal to 1"),
        ("grpo.loss_type=ppo", "'ppo' should be 'grpo', 'bnpo'"),
        ("grpo.scale_rewards=true", "True should be 'group'"),
        ("grpo.mask_truncated_completions=maybe", "'maybe' should be a valid boolean"),
        ("lora.r=0", "greater than or equal to 1"),
        ("lora.target_modules=[]", "at least 1 item"),
        ("lora.target_modules=q_proj", "'q_proj'"),
        ("evaluation.problems=0", "greater than or equal to 1"),
        ("model.load_in_4bit=4", "4"),
        ("model.id=", "at least 1 character"),
        ("data.path=", "at least 1 character"),
        ("seed=-1", "greater than or equal to 0"),
        ("seed=4294967296", "less than 4294967296"),
        ("name=Not A Name", "'Not A Name' should be up to 40 small letters, digits, dots and dashes"),
        ("name=../up", "'../up'"),
        ("name=", "''"),
        ("rewards={}", "at least 1 item"),
        ("rewards.correctness=.nan", "nan"),
        ("rewards.correctness=1e308", "less than or equal to 1000"),
        ("rewards.correctness=much", "'much'"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_field(setting: str, words: str) -> None:
    [problem] = refused(setting)
    field, _, rest = problem.partition(": ")
    assert field == setting.partition("=")[0].removesuffix(".deep")
    assert words in rest


def test_a_section_is_not_a_value() -> None:
    assert refused("model=gpt2") == [
        "model: 'gpt2' is given for a whole section: set its settings one by one, model.id and so on"
    ]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("grpo.max_stesp", "did you mean grpo.max_steps?"),
        ("grpo.learning-rate", "did you mean grpo.learning_rate?"),
        ("gropo.max_steps", "did you mean grpo?"),
        ("lora.rr", "did you mean lora.r?"),
        ("evaluation.xyz", "known: problems, batch_size, probe_problems, probe_steps"),
        ("model.grpo.beta", "known: id, revision"),
    ],
)
def test_a_misspelt_key_is_told_what_it_might_be(key: str, hint: str) -> None:
    [problem] = refused(f"{key}=5")
    assert "there is no such setting" in problem
    assert hint in problem


@pytest.mark.parametrize("setting", ["grpo.max_steps", "=5", "grpo..beta=1", ".=1", ""])
def test_what_is_no_setting_is_told_how_to_write_one(setting: str) -> None:
    assert refused(setting) == [f"--set {setting}: write it as KEY=VALUE, for example grpo.max_steps=20"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (["grpo.num_generations=6"], "grpo.num_generations: 6 does not divide the 64 completions"),
        (["grpo.per_device_train_batch_size=12"], "grpo.num_generations: 8 does not divide the 12 completions"),
        (["prompts=taught"], "prompts: 'taught' should be 'shuffled' or 'teaching'"),
        (["grpo.max_completion_length=1200"], "grpo.max_completion_length: 1200 and data.max_prompt_length 900"),
        (["data.max_prompt_length=1989"], "model.max_seq_length 2048; take up to 59 or model.max_seq_length 2049"),
        (["data.max_prompt_length=2041"], "model.max_seq_length 2048; take model.max_seq_length 2101"),
        (["grpo.epsilon_high=0.1"], "grpo.epsilon_high: 0.1 is below epsilon 0.2"),
        (["data.path=null"], "data.path: a file is needed, or data.id, a Hub dataset"),
        (["data.path=a.jsonl", "data.id=openai/gsm8k"], "and a Hub dataset (openai/gsm8k) are given: keep one"),
        (["data.id=openai/gsm8k", "data.test_path=t.jsonl"], "data.test_path: is for files: data.path is not set"),
        (["engine=transformers", "rollout=vllm"], "rollout: vllm needs engine=unsloth"),
    ],
)  # fmt: skip
def test_settings_that_cannot_go_together_are_named(settings: list[str], problem: str) -> None:
    [found] = refused(*settings)
    assert problem in found


def test_the_rules_allow_what_just_fits() -> None:
    tiny("data.max_prompt_length=1988")
    tiny("grpo.epsilon_high=0.2")
    tiny("grpo.per_device_train_batch_size=4", "grpo.gradient_accumulation_steps=2")


def test_nothing_to_learn_from_is_refused() -> None:
    problems = refused("rewards.correctness=0", "rewards.format=0")
    assert "rewards: no reward has a weight above 0, so there is nothing to learn from" in problems


def test_all_problems_are_told_at_once() -> None:
    """Of fields, between fields, and of --set itself."""
    problems = refused(
        "nonsense", "grpo.beta=x", "grpo.max_stesp=4", "seed=yes", "grpo.num_generations=6",
        "grpo.max_completion_length=2000", "engine=transformers", "rollout=vllm",
    )  # fmt: skip
    named = [problem.partition(":")[0] for problem in problems]
    assert sorted(named) == [
        "--set nonsense", "grpo.beta", "grpo.max_completion_length", "grpo.max_stesp", "grpo.num_generations",
        "rollout", "seed",
    ]  # fmt: skip


def test_a_rule_says_nothing_where_its_field_is_wrong_itself() -> None:
    assert len(refused("grpo.num_generations=1")) == 1
    assert len(refused("grpo.max_completion_length=1000000")) == 1
    assert len(refused("engine=cuda", "rollout=vllm")) == 1


def test_numbers_are_read_as_people_write_them() -> None:
    config = tiny("grpo.learning_rate=1e-4", "grpo.max_steps=20", "grpo.beta=0.04", "evaluation.problems=1_000")
    assert config.grpo.learning_rate == 1e-4
    assert (config.grpo.max_steps, config.grpo.beta, config.evaluation.problems) == (20, 0.04, 1000)


def test_the_last_of_two_settings_holds_and_the_rest_stays() -> None:
    before = read_preset("tiny").run
    after = tiny("grpo.max_steps=20", "grpo.max_steps=30", " seed =3")
    assert after == before.model_copy(update={"seed": 3, "grpo": before.grpo.model_copy(update={"max_steps": 30})})


def test_one_reward_is_added_to_the_others() -> None:
    assert tiny("rewards.length=0.5").rewards == {"correctness": 1.0, "format": 1.0, "length": 0.5}
    assert tiny("rewards={correctness: 2}").rewards == {"correctness": 2.0}


@pytest.mark.parametrize("source", ["data.path=mine.jsonl", "data.id=someone/some"])
def test_a_new_source_replaces_the_whole_old_one(source: str) -> None:
    data = tiny(source).data
    assert data.test_path is None
    assert data.max_prompt_length == read_preset("tiny").run.data.max_prompt_length


def test_the_order_of_settings_does_not_matter_to_a_new_source() -> None:
    settings = ["data.test_path=/t.jsonl", "data.max_prompt_length=100", "data.path=/mine.jsonl"]
    one, other = tiny(*settings), tiny(*reversed(settings))
    assert one == other
    assert (one.data.path, one.data.test_path, one.data.max_prompt_length) == ("/mine.jsonl", "/t.jsonl", 100)
    assert tiny("data.name=main", "data.id=openai/gsm8k") == tiny("data.id=openai/gsm8k", "data.name=main")


def test_paths_are_meant_from_where_they_were_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    config = tiny("data.path=mine.jsonl", "data.test_path=../t.jsonl", "model.id=model")
    assert config.data.path == str(tmp_path / "mine.jsonl")
    assert config.data.test_path == str(tmp_path.parent / "t.jsonl")
    assert config.model.id == str(tmp_path / "model")
    assert tiny("data.path=~/mine.jsonl").data.path == str(tmp_path / "home" / "mine.jsonl")
    assert tiny("model.id=Qwen/Qwen3-0.6B").model.id == "Qwen/Qwen3-0.6B"


@pytest.mark.parametrize("path", ["x" * 5000, "~nobody-of-that-name/x", '"a\\0b"'])
def test_what_can_be_no_path_is_left_for_who_looks_for_it(path: str) -> None:
    assert str(tiny(f"data.path={path}").data.path).endswith(yaml.safe_load(path))


def test_yaml_that_means_something_else_is_refused_in_one_line() -> None:
    assert str(datetime.date(2026, 1, 2).year) in refused("seed=2026-01-02")[0]
    assert tiny("name=2026-01-02").name == "2026-01-02"
    assert "{'a': {'b': 1}}" in refused("grpo.max_steps={a: {b: 1}}")[0]
    [problem] = refused(f"grpo.max_steps={'x' * 1000}")
    assert len(problem) < 200


@given(configs())
def test_a_config_comes_back_from_a_file(tmp_path_factory: pytest.TempPathFactory, config: RunConfig) -> None:
    file = tmp_path_factory.mktemp("config") / "config.yaml"
    file.write_text(write_yaml(config), encoding="utf-8")
    assert parse(read_yaml_file(file)) == config


def test_a_line_break_that_yaml_half_knows_comes_back_too() -> None:
    config = parse({"model": {"id": "m"}, "data": {"path": "x", "system_prompt": "one\x85two \u2028 d\xe9j\xe0\r\n"}})
    assert parse(yaml.safe_load(write_yaml(config))) == config


@given(st.lists(st.text(max_size=20) | st.from_regex(r"(grpo|data|rewards|lora)\.[a-z_]{1,12}=.{0,9}", fullmatch=True)))
def test_no_setting_is_a_crash(settings: list[str]) -> None:
    problems: tuple[str, ...] = ()
    try:
        tiny(*settings)
    except UserError as error:
        problems = error.problems or ("",)
    assert all(problem and len(problem.splitlines()) == 1 for problem in problems)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.yaml: cannot be read \(No such file"):
        read_yaml_file(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: 1\nb: [\n")
    with pytest.raises(UserError, match=r"bad\.yaml: is not YAML \(line 3\)"):
        read_yaml_file(tmp_path / "bad.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"binary\.yaml: is not YAML"):
        read_yaml_file(tmp_path / "binary.yaml")


def test_every_setting_says_what_it_is() -> None:
    def fields(model: Any, prefix: str = "") -> Any:
        for name, field in model.model_fields.items():
            if hasattr(field.annotation, "model_fields"):
                yield from fields(field.annotation, f"{prefix}{name}.")
            else:
                yield prefix + name, field.description

    undocumented = [name for name, description in fields(RunConfig) if not description]
    assert undocumented == []


def test_no_bound_lets_a_number_that_is_none_through() -> None:
    for field in ("learning_rate", "temperature", "beta", "weight_decay", "max_grad_norm"):
        with pytest.raises(UserError, match="finite"):
            parse({**LEAST, "grpo": {field: math.nan}})


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("End with: 4", "End with: 4"),
        ("yes", "yes"),
        ("12", "12"),
        ("Answer # 4", "Answer # 4"),
        ("[1, 2", "[1, 2"),
        ("'quoted: so'", "quoted: so"),
        ('"two\\nlines"', "two\nlines"),
        ("null", None),
    ],
)
def test_a_text_field_takes_text(typed: str, text: str | None) -> None:
    assert tiny(f"data.system_prompt={typed}").data.system_prompt == text
