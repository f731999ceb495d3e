"""A run as a plain script: what it says is what the config says, and nobody's text in it is code."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grpo_space.config import ColumnsSection, RunConfig
from grpo_space.config_io import override, parse
from grpo_space.errors import UserError
from grpo_space.grading import rewards
from grpo_space.grading.answers import grade
from grpo_space.planning.vllm_options import vllm_options
from grpo_space.presets import preset_names, read_preset
from grpo_space.publishing import script, script_parts
from grpo_space.runs.events import Chosen, Fallback, Loaded, Started
from grpo_space.runs.history import History
from grpo_space.runs.run import create_run
from grpo_space.tasks import dataset
from grpo_space.tasks.kinds import TASKS
from grpo_space.tasks.problems import Row
from tests.support.configs import configs
from tests.support.processes import ROOT

TINY = read_preset("tiny").run
UNSLOTH = Chosen(engine="unsloth", rollout="vllm", why="")
ALL = {"correctness": 1.0, "format": 0.5, "steps": 1.0, "length": 0.25, "repetition": 1.0, "mine.py:brief": 0.1}


def to_row(record: dict[str, Any]) -> Row:
    """The problem that a row stands for, whatever the other rows are."""
    return TASKS["number"].read(record, TASKS["number"].find([record], ColumnsSection()) or ColumnsSection())


def constants(source: str) -> dict[str, Any]:
    """The values of a script's plain assignments."""
    found: dict[str, Any] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found


def given_to(source: str, function: str) -> dict[str, Any]:
    """The plain values of a call's keyword arguments, constants looked up."""
    known, found = constants(source), {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == function:
            for each in node.keywords:
                value = each.value
                try:
                    found[each.arg or ""] = (
                        known.get(value.id) if isinstance(value, ast.Name) else ast.literal_eval(value)
                    )
                except ValueError:
                    continue
    return found


def assert_says_what_the_config_says(source: str, config: RunConfig, unsloth: bool) -> None:
    known, arguments = constants(source), given_to(source, "GRPOConfig")
    data = config.data
    assert (known["MODEL"], known["DATA"], known["SEED"]) == (config.model.id, data.path or data.id, config.seed)
    assert known.get("MODEL_REVISION") == config.model.revision
    assert known.get("SYSTEM_PROMPT") == data.system_prompt
    assert known.get("TEST_DATA") == data.test_path
    for name, value in config.grpo.model_dump(exclude={"warmup_ratio", "epsilon_high"}).items():
        assert arguments.get(name, script.TRL_DEFAULTS.get(name)) == value, name
    warmup = round(config.grpo.warmup_ratio * config.grpo.max_steps)
    assert arguments.get("warmup_steps", 0) == warmup
    assert arguments["seed"] == config.seed
    lora = given_to(source, "FastLanguageModel.get_peft_model" if unsloth else "LoraConfig")
    wanted = config.lora.model_dump(exclude={"start"}) | {"target_modules": list(config.lora.target_modules)}
    assert {name: lora[name] for name in wanted} == wanted  # `start` is refused: a script begins afresh
    if unsloth:
        loading = given_to(source, "FastLanguageModel.from_pretrained")
        assert loading["max_seq_length"] == config.model.max_seq_length
        assert loading["load_in_4bit"] == config.model.load_in_4bit
        started = vllm_options(config, loading["gpu_memory_utilization"])
        assert {name: loading[name] for name in started} == started


def ruff(*arguments: str, source: str) -> str:
    command = [sys.executable, "-m", "ruff", *arguments, "--stdin-filename", "script.py", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False, cwd=ROOT)
    return done.stdout if done.returncode else ""


NO_NUMBERS = {"code-1.5b", "science-1.5b", "tiny-choice", "tiny-countdown"}
"""Presets with another kind of answer, which scripts do not know."""


@pytest.mark.parametrize("name", sorted({*preset_names()} - NO_NUMBERS))
def test_every_preset_is_a_clean_script_with_all_of_its_settings(name: str) -> None:
    config = read_preset(name).run
    source = script.of_config(config)
    compile(source, name, "exec")
    assert ruff("format", "--diff", source=source) == ""
    assert ruff("check", "--select", "F,E9,B,I001", "--ignore", "I001", source=source) == ""
    assert "grpo_space" not in source
    assert "argparse" not in source
    assert_says_what_the_config_says(source, config, unsloth=config.model.load_in_4bit)
    assert list(config.rewards) == re.findall(r"(\w+): [\d.]+", re.findall(r"^REWARDS = \{(.*)\}$", source, re.M)[0])
    assert ("def steps" in source, "def length" in source) == (False, False)


@pytest.mark.parametrize("chosen", [None, UNSLOTH])
def test_every_reward_is_defined_where_it_is_used(chosen: Chosen | None) -> None:
    source = script.of_config(TINY.model_copy(update={"rewards": ALL}), History(chosen=chosen))
    assert ruff("check", "--select", "F,E9", source=source) == ""
    assert ruff("format", "--diff", source=source) == ""
    assert 'own("mine.py", "brief"): 0.1' in source


def test_a_script_says_that_it_cannot_choose_its_prompts() -> None:
    assert "sees others" not in script.of_config(TINY)
    source = script.of_config(TINY.model_copy(update={"prompts": "teaching"}))
    assert "This script takes every problem in its turn" in source
    assert ruff("format", "--diff", source=source) == ""


# Nobody's text is code


def shape(source: str) -> str:
    """The structure of a script, whatever stands in its texts and numbers."""

    class Masked(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.Constant:
            return ast.Constant(type(node.value).__name__)

    return ast.dump(Masked().visit(ast.parse(source)))


HOSTILE = [
    "'", '"', '"""', "'''", "\\", '\\"', "\n", 'a"\nimport os\nos.abort()\n"', "'''\n\"\"\"\\", "{0}", "$name ${x}",
    "# x", "\r\nimport os", "\x0cimport os", "\u2028import os\u2028", "\x85import os", "\u202e", "\x00", "é 数学 🎯",
    "a\\\nb", "%s",
]  # fmt: skip


def with_texts(text: str) -> RunConfig:
    return parse({
        "name": "x", "model": {"id": text, "revision": text, "base_id": text},
        "data": {"path": text, "test_path": text, "system_prompt": text}, "lora": {"target_modules": [text, text]},
        "rewards": {"correctness": 1.0, f"{text}.py:{text}": 0.1},
    })  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("chosen", [None, UNSLOTH])
def test_hostile_texts_stay_texts(text: str, chosen: Chosen | None) -> None:
    config = with_texts(text)
    source = script.of_config(config, History(chosen=chosen))
    assert source.encode().decode() == source
    assert_says_what_the_config_says(source, config, unsloth=chosen is not None)
    assert given_to(source, "own") == {}
    [paid] = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and ast.unparse(node.func) == "own"
    ]
    assert [ast.literal_eval(each) for each in paid.args] == list(f"{text}.py:{text}".rpartition(":")[::2])
    assert shape(source) == shape(script.of_config(with_texts("x"), History(chosen=chosen)))


@given(config=configs())
@settings(max_examples=25)
def test_whatever_a_config_says_stands_in_its_script(config: RunConfig) -> None:
    source = script.of_config(config)
    assert_says_what_the_config_says(source, config, unsloth=config.model.load_in_4bit)
    assert source.encode()


def test_a_log_from_elsewhere_is_no_code_either() -> None:
    evil = '1"""\nimport os'
    loaded = Loaded(engine="", model_commit=evil, data_commit=evil, rows="")
    history = History(started=Started(versions={"trl": evil, "peft": "0.21.2"}), loaded=loaded)
    source = script.of_config(read_preset("qwen2.5-1.5b").run, history)
    assert evil not in source
    assert "import os\n" not in source.split("\nimport os\n", 1)[0]
    assert "pip install peft==0.21.2 math-verify" in source
    assert not {"MODEL_REVISION", "DATA_REVISION"} & constants(source).keys()


# A run's script


def test_a_run_is_made_of_what_it_was_made_of(runs_root: Path) -> None:
    """The commits that it used, the engine that it had, and the settings that were left to it."""
    run = create_run(read_preset("qwen2.5-1.5b").run)
    for event in (
        Started(versions={"trl": "9.8.7", "torch": "2.9.0+cu128"}), UNSLOTH,
        Loaded(engine="", model_commit="a" * 40, data_commit="b" * 40, rows=""),
        Fallback(cause="memory", name="micro_batches", message="", step=0),
        Chosen(engine="unsloth", rollout="generate", why=""),
    ):  # fmt: skip
        run.log.append(event)
    source = script.of_run(run)
    known = constants(source)
    assert (known["MODEL_REVISION"], known["DATA_REVISION"]) == ("a" * 40, "b" * 40)
    assert source.count("revision=MODEL_REVISION") == source.count("revision=DATA_REVISION") == 1
    arguments = given_to(source, "GRPOConfig")
    assert (arguments["per_device_train_batch_size"], arguments["gradient_accumulation_steps"]) == (4, 8)
    assert "pip install trl==9.8.7 torch==2.9.0 math-verify" in source
    assert "vllm" not in arguments
    assert "fast_inference" not in source


def rows_of(source: str, **here: Any) -> list[dict[str, str]]:
    """The problems that a script trains on, by running only the lines that read and share them out."""
    body = ast.parse(source).body
    begin = next(i for i, node in enumerate(body) if isinstance(node, ast.FunctionDef) and node.name == "read")
    end = next(
        i for i, node in enumerate(body) if isinstance(node, ast.Assign) and ast.unparse(node).startswith("prompts")
    )
    place = vars(script_parts) | {"json": json, "Path": Path} | constants(source) | here
    exec(compile(ast.Module(body[begin:end], []), "script", "exec"), place)  # our own source
    found: list[dict[str, str]] = place["rows"]
    return found


def pairs(rows: list[Any]) -> list[tuple[str, str]]:
    return [(row["question"], row["answer"]) if isinstance(row, dict) else (row.question, row.gold) for row in rows]


@pytest.mark.parametrize("test_path", ["presets/tiny/test.jsonl", None])
def test_the_same_problems_are_held_out(test_path: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    config = TINY.model_copy(update={"data": TINY.data.model_copy(update={"test_path": test_path})})
    assert pairs(rows_of(script.of_config(config))) == pairs(dataset.load(config).train)


@pytest.mark.parametrize("test_split", ["test", None])
def test_the_same_problems_of_the_hub_are_held_out(test_split: str | None) -> None:
    """MATH's columns, with copies, a box in a box, and a row without an answer."""
    table = [
        {
            "problem": f"What is {i} half?",
            "solution": f"So $x=\\frac{{{i}}}{{2}}$.\nIt is $\\boxed{{\\frac{{{i}}}{{2}}}}$.",
        }
        for i in range(60)
    ]
    table += [{"problem": "WHAT is  7 half?", "solution": "12"}, {"problem": "Why?", "solution": "Nobody\nknows."}]
    settings = [
        "data.id=x/y",
        "evaluation.problems=9",
        "evaluation.probe_problems=3",
        f"data.test_split={test_split or 'null'}",
    ]
    config = override(TINY, settings)
    read = [to_row(row) for row in table[:-1]]
    expected = dataset.share_out(read, read[5:20] if test_split else None, config, "", "").train
    splits = {"train": table, "test": table[5:20]}
    made = rows_of(script.of_config(config), load_dataset=lambda *_, split, **__: splits[split])
    assert pairs(made) == pairs(expected)


# The rewards


PIECES = [
    "<reasoning>",
    "</reasoning>",
    "<answer>",
    "</answer>",
    "18",
    "1,600.50",
    "your answer",
    "...",
    "so",
    "is",
    "-3",
]
TEXTS = st.lists(st.sampled_from([*PIECES, "=", "2", "*", "9", " ", "\n", "?"]), max_size=14).map("".join)
PARTS = st.sampled_from(["", "\n", "a", "...", "N/A", "“”", "<br>", "18,18," * 20])
FORMATTED = st.builds("{}<reasoning>{}</reasoning>{}<answer>{}</answer>{}".format, *[PARTS] * 5)


@given(texts=st.lists(TEXTS | FORMATTED | st.text(), min_size=1, max_size=4), data=st.data())
@settings(max_examples=150)
def test_format_length_and_repetition_pay_what_the_product_pays(texts: list[str], data: st.DataObject) -> None:
    stop, limit = 7, script_parts.MAX_COMPLETION_LENGTH
    ids = [[1] * data.draw(st.integers(0, limit)) + [stop] * data.draw(st.integers(0, 1)) for _ in texts]
    cut_off = [stop not in each for each in ids]
    script_parts.STOP_IDS.add(stop)
    chats = [[{"role": "assistant", "content": text}] for text in texts]
    columns: dict[str, Any] = {"completions": chats, "completion_ids": ids}
    ours = columns | {"prompts": chats, "cut_off": cut_off, "max_completion_length": limit}
    assert script_parts.format(**columns) == pytest.approx(rewards.format(**ours))
    assert script_parts.length(**columns) == pytest.approx(rewards.length(**ours))
    assert script_parts.repetition(**columns) == pytest.approx(rewards.repetition(**ours))


SAID = [  # what is stated, what was expected, and whether both graders pay
    ("<answer>18</answer>", "18", True), ("<answer> $1,600.00 </answer>", "1600", True),
    ("<answer>0.5</answer>", "1/2", True), ("The answer is 18.", "18", True), ("\\boxed{18}", "18", True),
    ("She has 9 * 2 = 18 dollars", "18", True), ("#### 18", "18", True), ("<answer>17</answer>", "18", False),
    ("<answer>18 or 20</answer>", "18", False), ("", "18", False), ("1" * 5000, "18", False),
    ("<answer>\\boxed{\\frac{3}{4}}</answer>", "\\frac{3}{4}", True), ("<answer>x + 1</answer>", "1 + x", True),
    ("<answer>x + 2</answer>", "1 + x", False), ("\\boxed{3}", "\\sqrt{3}", False), ("\\boxed{6}", "6\\pi", False),
    ("\\boxed{2}", "2x", False), ("\\boxed{2}", "x^2", False), ("\\boxed{5}", "5i", False),
    ("\\boxed{3}", "x > 3", False),
    ("\\boxed{3}", "[3,\\infty)", False), ("\\boxed{\\sqrt{3}}", "\\sqrt{3}", True), ("\\boxed{18\\pi}", "18", False),
    ("\\boxed{18x}", "18", False), ("The answer is at least 18.", "18", False), ("\\boxed{y = 18}", "18", True),
    ("\\boxed{60^\\circ}", "60", True), ("#### 18 a day", "18", True),
    ("<answer>18</answer>\nWait, that's wrong. The answer is 20.", "18", False),
    ("\\boxed{20}\n\n<answer>18</answer>", "18", True), ("<answer>The answer is 18.</answer>", "18", True),
    ("<answer>20</answer>\nWait, that's wrong. The answer is \\boxed{18}.", "18", True),
    ("<answer>" * 2500, "18", False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "gold", "right"), SAID)
def test_a_right_answer_is_paid_as_the_product_pays_it(text: str, gold: str, right: bool) -> None:
    chats = [[{"role": "assistant", "content": text}]]
    assert script_parts.correctness(chats, [gold]) == [2.0 * right]
    assert rewards.correctness(chats, chats, answer=[gold]) == [2.0 * right]


READ_BY_THE_PRODUCT_ALONE = [("<answer>18 (9 * 2)</answer>", "18"), ("<answer>eighteen</answer>", "18")]


@pytest.mark.parametrize(("text", "gold"), READ_BY_THE_PRODUCT_ALONE)
def test_what_the_product_reads_beyond_it(text: str, gold: str) -> None:
    chats = [[{"role": "assistant", "content": text}]]
    assert script_parts.correctness(chats, [gold]) == [0.0]
    assert rewards.correctness(chats, chats, answer=[gold]) == [2.0]


SOLUTIONS = ROOT.parent / "shared" / "data" / "gsm8k" / "test.jsonl"


@pytest.mark.skipif(not SOLUTIONS.is_file(), reason="GSM8K is not at hand")
def test_how_often_the_two_graders_differ() -> None:
    """As often as the script says of itself: on GSM8K's solutions, in the format and in three other forms."""
    forms = ("<reasoning>{}</reasoning>\n<answer>{}</answer>", "{}", "{}\nThe answer is {}.", "{}\n#### {}")
    texts, differ = 0, 0
    for line in SOLUTIONS.read_text(encoding="utf-8").splitlines():
        row = to_row(json.loads(line))
        assert script_parts.problem(json.loads(line)) == {"question": row.question, "answer": row.gold}
        work = re.sub(r"<<[^>]*>>", "", json.loads(line)["answer"].partition("####")[0]).strip()
        for text in (form.format(work, row.gold) for form in forms):
            texts += 1
            differ += script_parts.is_right(text, row.gold) != grade(text, row.gold, row.question).lenient
    described = " ".join((script_parts.correctness.__doc__ or "").split())
    assert f"of {texts:,} texts made of GSM8K's solutions the two judge {differ} differently" in described


@given(text=TEXTS | st.text(), gold=st.sampled_from(["18", "1/2", "-3", "1,600"]))
def test_the_scripts_grader_never_raises(text: str, gold: str) -> None:
    chats = [[{"role": "assistant", "content": text}]]
    assert script_parts.correctness(chats, [gold])[0] in (0.0, 2.0)
    assert -0.2 <= script_parts.steps(chats, [text])[0] <= 0.4


@pytest.mark.parametrize(
    ("work", "pays"),
    [
        ("3 * 4 = 12\n12 + 5 = 17", 0.4), ("3 * 4 = 13\n13 + 5 = 19", -0.2), ("3 * 4 = 12", 0.0), ("", 0.0),
        ("3 x 4 = 12, and 12 + 5 = 17", 0.4), ("9 * 9 = 81", 0.0), ("3 boxes * $4 = 12 dollars. 12 + 5 = 17", 0.4),
        ("5 / 0 = 3", -0.1),
    ],
)  # fmt: skip
def test_steps_are_paid_as_the_product_pays_them(work: str, pays: float) -> None:
    question = "Ann has 3 boxes with 4 pens each and 5 more. How many?"
    text = f"<reasoning>{work}</reasoning><answer>17</answer>"
    chats = [[{"role": "assistant", "content": text}]]
    assert script_parts.steps(chats, [question]) == pytest.approx([pays])
    if work != "5 / 0 = 3":
        assert rewards.steps(chats, chats, question=[question]) == pytest.approx([pays])


def test_a_reward_of_ones_own_is_taken_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "def brief(completions, cut_off, max_completion_length, answer, **_):\n"
        "    return [float(max_completion_length)] * len(cut_off)\n"
    )
    reward = script_parts.own(str(file), "brief")
    assert reward.__name__ == "brief"
    assert reward(completions=[[]], completion_ids=[[1]], answer=["3"]) == [script_parts.MAX_COMPLETION_LENGTH]


@pytest.mark.parametrize("name", ["mine.csv", "mine.md", "mine.jsonl.gz"])
def test_a_file_that_a_script_cannot_read_gives_none(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("")
    config = override(read_preset("tiny").run, [f"data.path={tmp_path / name}"])
    with pytest.raises(UserError, match="reads question and answer from JSON lines"):
        script.of_config(config)
