from pathlib import Path

import pytest
import yaml

from grpo_space import presets
from grpo_space.config_io import parse, write_yaml
from grpo_space.errors import UserError
from grpo_space.paths import PROJECT, check_files
from grpo_space.presets import preset_names, quick, read_preset, with_steps
from grpo_space.ui.preset.layout import FIRST_CARDS

NAMES = sorted(path.stem for path in (PROJECT / "presets").glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_whole(name: str) -> None:
    preset = read_preset(name)
    run = preset.run
    assert run.name == name
    assert all(text.strip() and "\n" not in text.strip() for text in (preset.title, preset.summary, preset.expect))
    assert run.data.max_prompt_length + run.grpo.max_completion_length <= run.model.max_seq_length
    assert run.grpo.completions_per_step % run.grpo.num_generations == 0
    assert run.evaluation.problems >= 200
    assert parse(yaml.safe_load(write_yaml(run))) == run


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_for_a_gpu_has_a_short_run(name: str) -> None:
    preset = read_preset(name)
    if preset.hardware == "cpu":
        steps = preset.run.grpo.max_steps
        with pytest.raises(UserError, match=f"--quick: {name} has no shorter run: its full one makes {steps} steps"):
            quick(name)
        return
    short = quick(name)
    assert 20 <= short.grpo.max_steps <= 40
    assert short.grpo.max_steps < preset.run.grpo.max_steps
    assert short.evaluation.probe_steps < short.grpo.max_steps
    assert short == with_steps(preset.run, short.grpo.max_steps)


@pytest.mark.parametrize("name", NAMES)
def test_a_presets_settings_are_explained(name: str) -> None:
    text = (PROJECT / "presets" / f"{name}.yaml").read_text()
    assert text.count(" # ") >= (2 if "tiny" in name else 10)
    assert "Not measured on a T4 yet" not in text


@pytest.mark.parametrize("name", NAMES)
def test_what_a_preset_has_on_disk_is_there(name: str) -> None:
    check_files(read_preset(name).run)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_asks_for_the_form_that_is_rewarded(name: str) -> None:
    """The tiny models learnt it; the others get it by their prompt."""
    run = read_preset(name).run
    system_prompt = run.data.system_prompt
    if "tiny" not in name and "format" in run.rewards:
        assert system_prompt is not None
        positions = [system_prompt.index(tag) for tag in ("<reasoning>", "</reasoning>", "<answer>", "</answer>")]
        assert positions == sorted(positions)


def test_what_a_visitor_can_try_comes_first() -> None:
    assert sorted(preset_names()) == NAMES
    assert preset_names()[:FIRST_CARDS] == ["tiny", "qwen2.5-1.5b", "llama-3.1-8b", "qwen2.5-math-7b"]
    assert read_preset("tiny").hardware == "cpu"
    assert preset_names()[-2:] == ["code-1.5b", "science-1.5b"], "nobody knows their gain yet"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("tny", "did you mean tiny?"),
        ("qwen2.5-1.5", "did you mean qwen2.5-1.5b?"),
        ("gpt", "known: code-1.5b, llama-3.1-8b, qwen2.5-1.5b, qwen2.5-math-7b, science-1.5b, smollm2-135m, tiny"),
        ("", "known: "),
        ("../presets/tiny", "there is none of that name"),
        ("tiny.yaml", "did you mean tiny?"),
    ],
)
def test_an_unknown_preset_is_told_which_are_known(name: str, hint: str) -> None:
    with pytest.raises(UserError) as caught:
        read_preset(name)
    [problem] = caught.value.problems
    assert problem.startswith(f"preset {name!r}: ")
    assert hint in problem


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(presets, "PRESETS", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("- a list", ["mine.yaml: a preset has title, summary, hardware, expect and run"]),
        ("", ["mine.yaml: a preset has title"]),
        ("title: x", ["mine.yaml: a preset has title"]),
        ("a: [", ["mine.yaml: is not YAML (line 1)"]),
        ("run: {grpo: {bta: 1}}", ["mine.yaml: run.model: is missing", "mine.yaml: run.data: is missing",
                                   "mine.yaml: run.grpo.bta: there is no such setting; did you mean grpo.beta?"]),
        ("run: {model: {id: m}, data: {path: x}}\ntitle: t\nsummary: s\nhardware: h100\nextra: 1",
         ["mine.yaml: hardware: 'h100'", "mine.yaml: expect: is missing", "mine.yaml: extra: there is no such"]),
    ],
)  # fmt: skip
def test_a_broken_preset_file_is_named_with_all_its_problems(folder: Path, text: str, problems: list[str]) -> None:
    (folder / "mine.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        read_preset("mine")
    assert len(caught.value.problems) == len(problems)
    for expected in problems:
        assert any(expected in problem for problem in caught.value.problems), caught.value.problems


def test_a_run_is_a_preset_again(folder: Path) -> None:
    """config.yaml can be pasted under `run:`."""
    run = parse({"model": {"id": "m"}, "data": {"path": "x"}, "name": "another"})
    card = {"title": "t", "summary": "s", "hardware": "cpu", "expect": "e", "run": yaml.safe_load(write_yaml(run))}
    (folder / "mine.yaml").write_text(yaml.safe_dump(card))
    assert read_preset("mine").run == run
