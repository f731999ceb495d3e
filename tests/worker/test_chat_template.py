"""Models whose chat template has no system role: previewed, trained and evaluated with the system prompt."""

from pathlib import Path
from typing import Any

import pytest

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.publishing import card
from grpo_space.runs import launch
from grpo_space.runs.events import Step
from grpo_space.runs.run import Run, create_run
from grpo_space.tasks import chat_template
from grpo_space.tasks.kinds import TASKS
from grpo_space.tasks.problems import messages
from grpo_space.ui.preset import cards
from tests.support.chat_templates import GEMMA, MISTRAL, SYSTEM, WITHOUT_SYSTEM, tiny_with
from tests.support.processes import Cli

EXAMPLE = TASKS["number"].example
FOLDED = "the system prompt stands before the question"


def tokenizer_of(config: RunConfig) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(config.model.id)


def test_a_template_with_a_system_role_is_given_one(tmp_path: Path, runs_root: Path) -> None:
    chatml = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    config = tiny_with(chatml, tmp_path / "model")
    assert not chat_template.folds_system(tokenizer_of(config))
    [row, *_] = launch.preview(config)
    assert row.prompt.startswith(f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n")
    assert not row.folded
    assert FOLDED not in cards.seen([row])


def test_folded_the_roles_alternate_and_the_prompt_comes_first() -> None:
    conversation = messages("How many?", SYSTEM, [EXAMPLE], fold=True)
    assert [each["role"] for each in conversation] == ["user", "assistant", "user"]
    assert [each["content"] for each in conversation] == [f"{SYSTEM}\n\n{EXAMPLE[0]}", EXAMPLE[1], "How many?"]
    assert messages("How many?", None, fold=True) == messages("How many?", None)


@pytest.mark.parametrize("template", WITHOUT_SYSTEM.values(), ids=WITHOUT_SYSTEM)
def test_previewed_trained_and_evaluated_with_the_prompt_in_the_users_turn(
    template: str, tmp_path: Path, runs_root: Path
) -> None:
    config = tiny_with(template, tmp_path / "model")
    seen = launch.preview(config)
    assert all(f"{SYSTEM}\n\n" in row.prompt and row.folded for row in seen)
    assert FOLDED in cards.seen(seen)

    from grpo_space.tasks import dataset
    from grpo_space.worker import evaluate, train
    from grpo_space.worker.budget import Budget
    from grpo_space.worker.engines import plain
    from grpo_space.worker.engines.choice import choose
    from grpo_space.worker.learnt import Learnt
    from grpo_space.worker.reporter import Reporter

    source, rows = tmp_path / "model", dataset.load(config)
    engine = plain.load(config, choose(config, source, None, vllm_died=False), source, "made", None)
    read, write = list[str](), engine.model.base_model.generate

    def writes(**options: Any) -> Any:
        read.extend(engine.tokenizer.batch_decode(options["input_ids"], skip_special_tokens=True))
        return write(**options)

    engine.model.base_model.generate = writes
    for question, row in zip(rows.train, seen, strict=False):
        assert engine.tokenizer.decode(engine.encode(engine.conversation(question.question, config))) == row.prompt
    run = Run(tmp_path / "run")
    run.folder.mkdir()
    reporter = Reporter(run.log, run.activity)
    assert train.train(engine, rows, config, reporter, run.checkpoints, None, Budget(None), Learnt(False, ())) == 2
    assert [event.step for event in run.log.events() if isinstance(event, Step)] == [1, 2]
    assert len(evaluate.answer(engine, rows.test, config, adapter=True)) == 6
    assert len(evaluate.answer(engine, rows.test, config, adapter=False, examples=1)) == 6
    assert len(read) == 2 * 16 + 2 + 6 + 6
    assert all(prompt.count(SYSTEM) == 1 for prompt in read)
    assert all(EXAMPLE[1].strip() in prompt for prompt in read[-6:])


def test_a_whole_run_and_what_is_published_of_it(tmp_path: Path, cli: Cli) -> None:
    config = tiny_with(GEMMA, tmp_path / "model", "evaluation.probe_problems=0")
    run = create_run(config, tmp_path / "run")
    launch.start(run)
    done = cli("watch", str(run.folder))
    assert done.returncode == 0, done.stdout + done.stderr
    history = run.history()
    assert run.status() == "done"
    assert history.loaded is not None
    assert history.loaded.folds_system
    assert history.example is not None
    published = str(card.card(run, "owner/made"))
    assert "in the user's turn; without them" in published
    assert f"```text\n{SYSTEM}\n\nYOUR QUESTION\n```" in published


ONE_TURN = "{% if messages|length > 1 %}{{ raise_exception('One turn') }}{% endif %}" + MISTRAL
BROKEN = {
    "raises": ("{{ raise_exception('Only tools may speak') }}", "Only tools may speak"),
    "no Jinja": ("{% for message in %}", "Expected an expression"),
    "without the question": ("Hello", "leaves out 'Answer in one word' and 'Which day follows Monday'"),
    "adds None": ("{{ messages[0]['content'] + none }}", "None"),
    "one turn alone": (ONE_TURN, "One turn"),
    "none": (None, "has no chat template: take the model's Instruct version"),
}  # fmt: skip


@pytest.mark.parametrize(("template", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_template_that_cannot_be_used_is_one_line(template: str | None, reason: str, tmp_path: Path) -> None:
    config = tiny_with(template, tmp_path / "model")
    with pytest.raises(UserError) as caught:
        chat_template.check(tokenizer_of(config), config)
    [problem] = caught.value.problems
    assert problem.startswith("model.id: ")
    assert str(tmp_path / "model") in problem
    assert reason in problem
    assert "take the model's Instruct version" in problem


def test_without_a_system_prompt_a_template_for_one_turn_is_enough(tmp_path: Path, runs_root: Path) -> None:
    config = tiny_with(ONE_TURN, tmp_path / "model", "data.system_prompt=null")
    assert not any(row.folded for row in launch.preview(config))


def test_a_broken_template_is_refused_before_the_weights_are_read(tmp_path: Path, runs_root: Path) -> None:
    from grpo_space.worker.engines import plain
    from grpo_space.worker.engines.choice import choose

    config, source = tiny_with(BROKEN["raises"][0], tmp_path / "model"), tmp_path / "model"
    (source / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"Only tools may speak; take the model's Instruct version, or put a chat_"):
        plain.load(config, choose(config, source, None, vllm_died=False), source, "made", None)
    with pytest.raises(UserError, match="Only tools may speak"):
        launch.preview(config)
