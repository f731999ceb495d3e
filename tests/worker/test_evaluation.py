"""Evaluation as a command of its own, with real workers on the embedded model and adapters made by hand."""

import json
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from grpo_space.errors import UserError
from grpo_space.grading.answers import grade
from grpo_space.results.summary import sampled
from grpo_space.runs import adapters, evaluations
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Answered, EvaluationRequest, Finished, Method, Started
from grpo_space.runs.run import Run
from tests.support.hand_made import run_with_adapter
from tests.support.hub_server import HubServer
from tests.support.processes import ROOT, TOKEN, answering, assert_refused, command, gone, kill_worker, until

PROBLEMS = 48


@pytest.fixture(scope="module")
def run(shared_runs: Path) -> Run:
    return run_with_adapter(shared_runs / "made", PROBLEMS)


def evaluate(run: Run, *more: str) -> "subprocess.CompletedProcess[str]":
    arguments = command("evaluate", str(run.folder), *more)
    return subprocess.run(arguments, capture_output=True, text=True, timeout=240, check=False, cwd=ROOT)


def printed(done: "subprocess.CompletedProcess[str]") -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def killed(run: Run) -> tuple[Path, bytes]:
    """The base's answers, and what they were when the worker died."""
    before = set(run.answers.glob("*.jsonl"))
    evaluations.begin(run)
    kept = answering(run, before)
    kill_worker(run)
    gone(run)
    return kept, kept.read_bytes()


def killed_in_the_middle(run: Run) -> tuple[Path, bytes]:
    for _ in range(5):  # the last answer may be written before the signal comes
        kept, before = killed(run)
        if 8 < before.count(b"\n") < 1 + PROBLEMS:
            return kept, before
        shutil.rmtree(run.folder / "evaluations")
    raise AssertionError("every evaluation was over before it could be killed")


def zeros(run: Run, folder: Path) -> Path:
    shutil.copytree(run.adapter, folder)
    weights = load_file(folder / adapters.WEIGHTS)
    save_file({k: v * 0 if "lora_B" in k else v for k, v in weights.items()}, folder / adapters.WEIGHTS)
    return folder


def of_another_base(run: Run, folder: Path) -> Path:
    shutil.copytree(run.adapter, folder)
    changed = adapters.read_config(folder, "x") | {"base_model_name_or_path": "Qwen/Qwen2.5-1.5B-Instruct"}
    (folder / adapters.CONFIG).write_text(json.dumps(changed))
    return folder


def test_a_killed_evaluation_goes_on_where_it_was(run: Run) -> None:
    """Killed in the middle; what the next one says is what an undisturbed one says, and each line can be checked."""
    kept, before = killed_in_the_middle(run)
    whole = printed(evaluate(run, "--json"))
    assert kept.read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    assert whole["base"]["n"] == whole["tuned"]["n"] == PROBLEMS
    files = sorted(run.answers.glob("*.jsonl"))
    assert len(files) == 2
    for path in files:
        method, *answers = EventLog(path).read()[0]
        assert isinstance(method, Method)
        right = 0
        assert sorted(e.problem for e in answers if isinstance(e, Answered)) == list(range(PROBLEMS))
        for event in answers:
            assert isinstance(event, Answered)
            graded = grade(event.answer.text, event.answer.gold, event.answer.question)
            assert (graded.lenient, graded.strict) == (event.answer.correct, event.answer.strict)
            right += graded.lenient
        assert method.temperature == 0
        assert method.problems == PROBLEMS
        assert right == whole[method.which]["correct"]

    again = printed(evaluate(run, "--rerun", "--json"))
    assert {k: again[k] for k in ("base", "tuned", "both")} == {k: whole[k] for k in ("base", "tuned", "both")}
    methods = [EventLog(path).read()[0][0] for path in files]
    same = [m.model_dump(exclude={"which", "key", "adapter", "time"}) for m in methods if isinstance(m, Method)]
    assert same[0] == same[1]  # prompt, decoding and extractor


def test_a_file_and_several_samples(run: Run, tmp_path: Path) -> None:
    question = "Tom has {} pens and buys 4 more. How many pens does Tom have?"
    rows = [{"question": question.format(n), "answer": str(n + 4)} for n in range(5, 11)]
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = printed(evaluate(run, "--data", str(file), "--samples", "3", "--json"))
    request = EvaluationRequest(data=str(file), samples=3)
    history = evaluations.stored(run, request)
    for which in ("base", "tuned"):
        answers = history.sampled[which].answers
        assert [len(problem) for problem in answers] == [3] * 6
        assert len({problem[0].question for problem in answers}) == 6
        right = [[answer.correct for answer in problem] for problem in answers]
        assert found[which]["mean"]["share"] == pytest.approx(sum(map(sum, right)) / 18)
        assert found[which]["pass"]["share"] == pytest.approx(sum(map(any, right)) / 6)
        assert sampled(history.sampled[which])["maj"][0] == found[which]["maj"]["share"]
    assert len({answer.text for problem in history.sampled["base"].answers for answer in problem}) > 6
    assert "mean@3" in evaluate(run, "--data", str(file), "--samples", "3").stdout
    assert_refused(
        evaluate(run, "--data", str(file), "--limit", "2", "--checkpoint", "7"), "checkpoint 7: is not there"
    )


def test_an_adapter_in_a_folder(run: Run, tmp_path: Path) -> None:
    own = printed(evaluate(run, "--json"))
    other = printed(evaluate(run, "--adapter", str(run.adapter), "--json"))
    assert other == own
    assert_refused(
        evaluate(run, "--adapter", str(of_another_base(run, tmp_path / "other"))),
        "was made for Qwen/Qwen2.5-1.5B-Instruct, and this run's base is presets/tiny/model",
    )
    assert_refused(evaluate(run, "--adapter", str(zeros(run, tmp_path / "zeros"))), "this adapter changes nothing")
    assert_refused(
        evaluate(run, "--adapter", str(tmp_path)), "is not an adapter's folder: it has no adapter_config.json"
    )


def test_one_that_is_refused_takes_no_others_log_away(run: Run) -> None:
    """Two begin in the same second: one of them is refused, and the other one's log stays."""
    before, together = set(run.evaluations()), threading.Barrier(2)
    begun: list[EventLog] = []
    refused: list[str] = []

    def begin() -> None:
        together.wait()
        try:
            begun.append(evaluations.begin(run))
        except UserError as error:
            refused.append(str(error))

    while time.time() % 1 > 0.5:
        time.sleep(0.05)
    both = [threading.Thread(target=begin) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(begun) == len(refused) == 1
    until(begun[0], lambda event: isinstance(event, Finished))
    gone(run)
    assert set(run.evaluations()) - before == {begun[0].path}
    assert isinstance(begun[0].read()[0][0], Started)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"question": "q"}\n', "no column is known to hold the answer: there are question"),
        ("", "is empty"),
        ("x\n", "line 1: is not JSON"),
    ],
)
def test_a_file_that_cannot_be_evaluated_on(run: Run, tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "bad.jsonl").write_text(content)
    with pytest.raises(UserError, match=words):
        evaluations.check(run, EvaluationRequest(data=str(tmp_path / "bad.jsonl")))


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (EvaluationRequest(data="gsm9k"), "data gsm9k: is neither held-out, gsm8k-test nor a file"),
        (EvaluationRequest(checkpoint=3), "checkpoint 3: is not there; made keeps none yet"),
        (EvaluationRequest(checkpoint=3, adapter="a/b"), "checkpoint 3: is the run's own; adapter a/b is another one"),
        (EvaluationRequest(samples=65), "samples 65: 1 to 64 are possible"),
        (EvaluationRequest(limit=0), "limit 0: 1 problem is the least"),
    ],
)
def test_what_cannot_be_requested(run: Run, wanted: EvaluationRequest, words: str) -> None:
    with pytest.raises(UserError, match=words.replace("(", r"\(")):
        evaluations.check(run, wanted)


# --- from the Hub -----------------------------------------------------------------------------------------------------


def test_an_adapter_on_the_hub_is_evaluated(run: Run, hub: HubServer, tmp_path: Path) -> None:
    own = printed(evaluate(run, "--json"))
    hub.hub.upload("owner/lora", run.adapter)
    hub.hub.upload("owner/secret", run.adapter, private=True)
    hub.hub.upload("owner/zeros", zeros(run, tmp_path / "zeros"))
    hub.hub.upload("owner/other", of_another_base(run, tmp_path / "other"))
    assert printed(evaluate(run, "--adapter", "owner/lora", "--json")) == own
    assert hub.hub.counted("GET", "^/cdn/") == 1  # its weights came, once
    refusals = {
        "owner/secret": "adapter: there is no model owner/secret on the Hugging Face Hub, or it is private",
        "owner/none": "adapter: there is no model owner/none on",
        "owner/zeros": "adapter owner/zeros: this adapter changes nothing",
        "owner/other": "adapter owner/other: was made for Qwen/Qwen2.5-1.5B-Instruct",
    }
    for name, words in refusals.items():
        assert_refused(evaluate(run, "--adapter", name), words)
    log = evaluations.begin(run, EvaluationRequest(adapter="owner/secret"), token=TOKEN)  # its owner's is taken
    until(log, lambda event: isinstance(event, Finished))
    gone(run)
    assert TOKEN not in log.path.read_text()
    assert not hub.hub.leaks


def test_gsm8ks_test_comes_from_the_hub(run: Run, hub: HubServer, tmp_path: Path) -> None:
    import datasets

    question = "Tom has {} pens and buys 4 more. How many pens does Tom have?"
    rows = [
        {"question": question.format(n), "answer": f"{n} + 4 = <<{n}+4={n + 4}>>{n + 4}\n#### {n + 4}"}
        for n in range(20)
    ]
    (tmp_path / "gsm8k" / "main").mkdir(parents=True)
    datasets.Dataset.from_list(rows).to_parquet(str(tmp_path / "gsm8k" / "main" / "test-00000-of-00001.parquet"))
    (tmp_path / "gsm8k" / "README.md").write_text(
        "---\nconfigs:\n- config_name: main\n  data_files:\n  - split: test\n    path: main/test-*\n---\n"
    )
    hub.hub.upload("openai/gsm8k", tmp_path / "gsm8k", "dataset")
    assert printed(evaluate(run, "--data", "gsm8k-test", "--json"))["tuned"]["n"] == 20
    few = printed(evaluate(run, "--data", "gsm8k-test", "--limit", "6", "--json"))
    assert few["base"]["n"] == few["tuned"]["n"] == 6
    request = EvaluationRequest(data="gsm8k-test", limit=6)
    six, whole = evaluations.every(run)[-1], evaluations.stored(run, request)
    assert evaluations.request_of(six) == request
    assert whole.problems == 20  # of what was requested, the one on the most problems
    assert six.tuned is not None
    assert whole.tuned is not None
    assert [a.question for a in six.tuned.answers] == [a.question for a in whole.tuned.answers[:6]]  # a sample for all
    assert all(answer.steps == 1 for answer in six.tuned.answers)
