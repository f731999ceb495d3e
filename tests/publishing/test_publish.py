import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from huggingface_hub.utils._validators import validate_repo_id
from hypothesis import given, settings
from hypothesis import strategies as st

from grpo_space import hub as hub_client
from grpo_space.config import RunConfig
from grpo_space.config_io import override, write_yaml
from grpo_space.errors import UserError
from grpo_space.hub_upload import Sent
from grpo_space.planning import hardware
from grpo_space.presets import read_preset
from grpo_space.publishing import card, eval_results, reward_curve
from grpo_space.publishing.publish import OccupiedError, Published, checked_name, gather, proposed_name, publish
from grpo_space.runs.evaluations import stored
from grpo_space.runs.events import NEW_REWARD, Alarm, Event, Started, Step, reward_of
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run, create_run
from tests.support import fake_worker
from tests.support.hub_server import HubServer
from tests.support.hub_store import User
from tests.support.processes import ROOT, SMALL, TOKEN, Cli, assert_refused, start_cli

NAME = "owner/tiny-grpo-train"
UP = {
    ".gitattributes", "README.md", "adapter_config.json", "adapter_model.safetensors", "chat_template.jinja",
    "config.yaml", "evaluation.json", "reward_curve.png", "special_tokens_map.json", "tokenizer.json",
    "tokenizer_config.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run of 4 steps, for tests to copy."""
    folder = tmp_path_factory.mktemp("trained") / "2026-01-01-000000-tiny-abc"
    process = start_cli("train", "tiny", "--set", "grpo.max_steps=4", "--run-dir", str(folder), *SMALL)
    said, wrong = process.communicate(timeout=240)
    assert process.returncode == 0, said + wrong
    return folder


@pytest.fixture
def run(trained: Path, runs_root: Path) -> Run:
    return Run(Path(shutil.copytree(trained, runs_root / trained.name)))


@pytest.fixture
def elsewhere(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another run has the machine, so that nothing is loaded; and nobody waits between tries."""
    monkeypatch.setattr(hub_client, "WAITS", (0.0, 0.0))
    with locked(runs_root / "gpu.lock", what="training", run="another"):
        yield


def refusal(run: Run, name: str = NAME, token: str | None = TOKEN, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        publish(run, name, token, **options)
    said = str(caught.value)
    assert "hf_" not in said
    assert len(caught.value.problems) == 1
    return said


def commits(hub: HubServer, name: str = NAME) -> int:
    """Less the one that made it."""
    return len(hub.hub.commits(name)) - 1


LOAD = """
import sys
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
name = "owner/tiny-grpo-train"
LOAD_LINES
tokenizer = AutoTokenizer.from_pretrained(name)
question = [{"role": "user", "content": sys.stdin.read()}]
inputs = tokenizer.apply_chat_template(question, add_generation_prompt=True, return_tensors="pt", return_dict=True)
output = model.generate(**inputs, max_new_tokens=60, do_sample=False)
print(tokenizer.decode(output[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True), end="")
"""


def test_it_is_published_looked_at_and_loads_with_plain_peft(
    run: Run, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    sent: list[Sent] = []
    made = publish(run, NAME, TOKEN, progress=sent.append)
    assert made == Published(
        NAME, f"https://huggingface.co/{NAME}", hub.hub.head("model", NAME)["oid"], made.load, private=False
    )
    base = {f"base/{path.name}" for path in (ROOT / "presets/tiny/model").iterdir()}
    assert set(hub.hub.files(NAME)) == UP | base
    assert commits(hub) == 1
    assert hub.hub.read(NAME, "adapter_model.safetensors") == (run.adapter / "adapter_model.safetensors").read_bytes()
    assert (
        sent[-1].done == sent[-1].total == sum(len(hub.hub.read(NAME, p)) for p in UP | base if p != ".gitattributes")
    )
    assert [s.done for s in sent] == sorted(s.done for s in sent)
    assert len({s.done for s in sent if s.file == "base/model.safetensors"}) > 10  # within a file, too
    assert str(ROOT) not in str(hub.hub.read(NAME, "README.md")) + str(hub.hub.read(NAME, "config.yaml"))
    tuned = run.history().tuned
    assert tuned is not None
    code = LOAD.replace("LOAD_LINES", made.load)
    done = subprocess.run(
        [sys.executable, "-c", code], input=tuned.answers[0].question, capture_output=True, text=True, check=True,
        cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout == tuned.answers[0].text
    kept = [p for p in tmp_path.rglob("*") if p.is_file() and TOKEN.encode() in p.read_bytes()]
    assert kept == []
    assert hub.hub.leaks == []
    again = publish(run, NAME, TOKEN)
    assert (again.commit, commits(hub)) == (made.commit, 1)


def test_the_card_holds_what_was_measured(run: Run, hub: HubServer, elsewhere: None) -> None:
    publish(run, NAME, TOKEN)
    text = hub.hub.read(NAME, "README.md").decode()
    read: Any = ModelCard(text)
    history = stored(run)
    assert history.base is not None
    assert history.tuned is not None
    values = [result.metric_value for result in read.data.eval_results]
    n = history.tuned.n
    assert values == [round(100 * history.tuned.correct / n, 2), round(100 * history.tuned.strict_correct / n, 2)]
    assert read.data.library_name == "peft"
    assert read.data.license == "apache-2.0"
    assert f"n = {n} held-out problems" in text
    evidence = json.loads(hub.hub.read(NAME, "evaluation.json"))
    assert (evidence["run"], evidence["n"], len(evidence["tuned"])) == (run.id, n, n)
    assert yaml.safe_load(hub.hub.read(NAME, "config.yaml")) == run.config.model_dump(mode="json")


@pytest.mark.parametrize("cut", [{"status": 500}, {"status": 503}, {"cut_after": 300_000}, {"status": 429}])
def test_what_breaks_off_is_gone_on_with(run: Run, hub: HubServer, elsewhere: None, cut: dict[str, Any]) -> None:
    hub.hub.fail("PUT", "/upload/", **cut)
    hub.hub.fail("POST", "/commit/", status=429, headers={"Retry-After": "0"})
    assert publish(run, NAME, TOKEN).note.startswith("It came back from the Hub unchanged")
    assert commits(hub) == 1


def test_a_lost_answer_makes_no_second_commit(run: Run, hub: HubServer, elsewhere: None) -> None:
    hub.hub.fail("POST", "/commit/", lose_answer=True)
    assert publish(run, NAME, TOKEN).commit == hub.hub.head("model", NAME)["oid"]
    assert commits(hub) == 1


@pytest.mark.parametrize(
    ("method", "path", "how", "words"),
    [
        ("GET", "whoami", {"status": 401}, "the Hub does not accept this token: sign in again"),
        ("POST", "repos/create", {"status": 403}, f"this token may not write to {NAME}: it needs the right"),
        ("POST", "preupload", {"status": 403}, f"this token may not write to {NAME}: it needs the right"),
        ("POST", "preupload", {"status": 404}, f"{NAME} went away while it was written: try again"),
        ("POST", "batch", {"status": 413, "message": "storage limit reached"}, f"no room is left for {NAME}"),
        ("PUT", "/upload/", {"status": 500}, "the Hub has trouble of its own (HTTP 500): try again in a few minutes"),
        ("PUT", "/upload/", {"cut_after": 0}, "the Hub cannot be reached: check the network, then try again"),
        ("POST", "/commit/", {"status": 409}, f"{NAME} was changed by somebody else at this moment: try again"),
        ("POST", "/commit/", {"status": 429, "headers": {"Retry-After": "0"}}, "the Hub asks for fewer requests"),
        ("POST", "/commit/", {"cut_after": 0}, "the Hub cannot be reached: check the network, then try again"),
    ],
)
def test_a_failure_is_said_and_a_second_press_finishes(
    run: Run, hub: HubServer, elsewhere: None, method: str, path: str, how: dict[str, Any], words: str
) -> None:
    before = {p: p.read_bytes() for p in run.adapter.iterdir()}
    hub.hub.fail(method, path, times=99, **how)
    said = refusal(run)
    assert words in said
    assert f"The run is safe in {run.folder}." in said
    assert {p: p.read_bytes() for p in run.adapter.iterdir()} == before
    hub.hub.faults.clear()
    puts = hub.hub.counted("PUT", "/upload/")
    publish(run, NAME, TOKEN)
    assert commits(hub) == 1
    if path == "/commit/":
        assert hub.hub.counted("PUT", "/upload/") == puts  # what was up is not sent again


def test_a_repository_that_holds_something_else_is_asked_about(run: Run, hub: HubServer, elsewhere: None) -> None:
    hub.hub.create(NAME, by="user")
    hub.hub.commit("model", NAME, "mine", {"model.bin": b"years of work"})
    with pytest.raises(OccupiedError, match="holds something else already: take another name, or replace it"):
        publish(run, NAME, TOKEN)
    assert hub.hub.commits(NAME)[0]["message"] == "mine"
    publish(run, NAME, TOKEN, replace=True)
    assert hub.hub.read(NAME, "model.bin") == b"years of work"


def test_an_update_says_what_changed(run: Run, hub: HubServer, elsewhere: None) -> None:
    publish(run, NAME, TOKEN)
    (run.adapter / "tokenizer_config.json").write_text("{}")
    publish(run, NAME, TOKEN)
    assert hub.hub.commits(NAME)[0]["message"].endswith(": tokenizer_config.json")
    assert commits(hub) == 2


def test_what_is_private_stays_private(run: Run, hub: HubServer, elsewhere: None) -> None:
    assert publish(run, NAME, TOKEN, private=True).private
    assert publish(run, NAME, TOKEN).private
    assert hub.hub.repo("model", NAME)["private"]
    hub.hub.create("owner/public", by="user")
    assert "owner/public is public: make it private first" in refusal(run, "owner/public", private=True)


def test_an_apps_sign_in_writes_only_what_it_made(run: Run, hub: HubServer, elsewhere: None) -> None:
    hub.hub.users["hf_AppSignIn0123456789"] = User("owner", "contribute")
    publish(run, NAME, "hf_AppSignIn0123456789")
    hub.hub.create("owner/old", by="user")
    said = refusal(run, "owner/old", "hf_AppSignIn0123456789")
    assert "A sign-in of this app may write only to what the app itself made: take another name." in said


def test_what_cannot_be_published_is_said(run: Run, hub: HubServer, elsewhere: None) -> None:
    assert "nobody is signed in" in refusal(run, token=None)
    assert "does not accept this token" in refusal(run, token="hf_unknownunknown")
    assert "may not write to other/name" in refusal(run, "other/name")
    for name in ("name", "a/b/c", "owner/a--b", "owner/.x", "owner/x.git", "o w/n", "/", ""):
        assert "NAME: is written user/name" in refusal(run, name)
    with locked(run.folder / "publish.lock"):
        assert "is being published already" in refusal(run)
    with locked(run.folder / "lock"):
        assert "is running: it can be published when it is done" in refusal(run)
    shutil.rmtree(run.adapter)
    assert "has no adapter yet" in refusal(run)


def test_merged_weights_are_refused_before_anything_is_made(
    run: Run, hub: HubServer, elsewhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as little:
        little.setattr(hardware, "free_ram", lambda: 2**20)
        said = refusal(run, merged=True)
    assert "merged: needs about 1.0 GiB of RAM, and 1.0 MiB are free: publish the adapter without it" in said
    assert hub.hub.requests == []
    assert "the machine is training another" in refusal(run, merged=True)
    assert hub.hub.files(NAME) == [".gitattributes"]


def test_what_came_back_changed_is_not_called_published(run: Run, hub: HubServer, elsewhere: None) -> None:
    publish(run, NAME, TOKEN)
    [stored] = [
        p
        for p in (hub.hub.root / "lfs").iterdir()
        if p.read_bytes() == (run.adapter / "adapter_model.safetensors").read_bytes()
    ]
    stored.write_bytes(bytes(stored.stat().st_size))
    assert "adapter_model.safetensors came back from the Hub changed" in refusal(run)


def test_an_adapter_that_does_not_load_is_not_called_published(run: Run, hub: HubServer) -> None:
    (run.adapter / "adapter_model.safetensors").write_bytes(b"no weights")
    made = publish(run, NAME, TOKEN)
    assert "whether it loads is not known: adapter" in made.note
    assert "adapter_model.safetensors: is not a safetensors file" in made.note


def test_the_command_line(run: Run, hub: HubServer, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_refused(cli("publish", run.id, NAME), "publish: nobody is signed in")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    done = cli("publish", run.id, NAME, "--private", "--merged")
    assert done.returncode == 0, done.stderr + done.stdout
    assert f"https://huggingface.co/{NAME}" in done.stdout
    assert "Published" in done.stdout
    assert "merged/model.safetensors" in hub.hub.files(NAME)
    assert "merged/config.json" in hub.hub.files(NAME)
    assert "gguf-my-repo" in hub.hub.read(NAME, "README.md").decode()


# Names, cards and what people write


LLAMA = read_preset("llama-3.1-8b").run
TINY = read_preset("tiny").run.model_dump(mode="json")


def test_llama_has_its_name_its_notice_and_its_word(tmp_path: Path) -> None:
    assert proposed_name("u", LLAMA) == "u/Llama-3.1-8b-grpo-gsm8k"
    with pytest.raises(UserError, match="asks for a name that begins with Llama"):
        checked_name("u/my-model", LLAMA)
    run = create_run(LLAMA, tmp_path / "r")
    text = str(card.card(run, "u/Llama-x"))
    assert "Built with Llama" in text
    assert "license: llama3.1" in text
    assert "base_model: meta-llama/Llama-3.1-8B-Instruct" in text
    assert "unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit" in text
    run.adapter.mkdir()
    (run.adapter / "adapter_config.json").write_text("{}")
    (tmp_path / "made").mkdir()
    files = gather(run, "u/Llama-x", tmp_path / "made")
    assert "Llama 3.1 is licensed under" in files["NOTICE"].read_text()
    agreement = files["LICENSE"].read_text()
    assert agreement.startswith("LLAMA 3.1 COMMUNITY LICENSE AGREEMENT")
    assert "7. Governing Law and Jurisdiction" in agreement


def test_a_name_of_the_base_breaks_out_of_no_fence_and_no_string(tmp_path: Path) -> None:
    evil = 'a/b"\n)\nimport evil\n```\n# Heading\n<script>alert(1)</script>'
    config = LLAMA.model_copy(update={"model": LLAMA.model.model_copy(update={"base_id": evil})})
    text = str(card.card(create_run(config, tmp_path / "r"), "u/Llama-x"))
    assert "\n# Heading" not in text
    assert "\nimport evil" not in text
    blocks = re.findall(r"^(`{3,})python\n(.*?)\n\1$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    for _, code in blocks:
        ast.parse(code)
    assert f"from_pretrained({json.dumps(evil)})" in blocks[0][1]


def test_without_an_evaluation_the_card_says_so(tmp_path: Path) -> None:
    text = str(card.card(create_run(LLAMA, tmp_path / "r"), "u/Llama-x"))
    assert "It was not evaluated." in text
    assert "model-index" not in text
    assert "points" not in text


def test_a_card_of_chosen_prompts_says_which_reward_it_shows(tmp_path: Path) -> None:
    for prompts, words in (("shuffled", False), ("teaching", True)):
        run = create_run(LLAMA.model_copy(update={"prompts": prompts}), tmp_path / prompts)
        assert ("the reward below is that of the new ones" in str(card.card(run, "u/n"))) == words
    assert reward_of(Step(step=1, seconds=1.0, metrics={"reward": 1.2, NEW_REWARD: 0.4})) == 0.4
    assert reward_of(Step(step=1, seconds=1.0, metrics={"reward": 1.2})) == 1.2


def test_a_card_of_one_step_and_one_problem_has_one_of_each(tmp_path: Path) -> None:
    grpo = {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 1, "num_generations": 8, "max_steps": 1}
    run = create_run(read_preset("tiny").run.changed(grpo=grpo), tmp_path / "r")
    one: list[Event] = [fake_worker.evaluated(which, [True]) for which in ("base", "tuned")]
    for event in (fake_worker.step(1), *one):
        run.log.append(event)
    text = str(card.card(run, "u/n"))
    assert "1 optimizer step of 1 planned, each on 1 prompt with 8 completions" in text
    assert "It was looked at on 1 problem of " in text


def test_the_card_tells_how_it_was_trained_where_the_memory_ran_out(tmp_path: Path) -> None:
    run = create_run(LLAMA, tmp_path / "r")
    for name in ("memory:length", "memory:group"):
        run.log.append(Alarm(step=13, name=name, message="The GPU's memory ran out."))
    run.log.append(Started(attempt=2, from_step=0))
    text = str(card.card(run, "u/Llama-x"))
    assert "4 prompts with 3 completions of up to 576 tokens" in text
    assert "Noted at step 13: The GPU's memory ran out." in text
    run.adapter.mkdir()
    (run.adapter / "adapter_config.json").write_text("{}")
    (tmp_path / "made").mkdir()
    told = yaml.safe_load(gather(run, "u/Llama-x", tmp_path / "made")["config.yaml"].read_text())
    assert told["grpo"]["max_completion_length"] == 576


@pytest.mark.parametrize(
    ("tuned", "words"), [([True, False] * 20, "no measurable gain"), ([True] * 40, "Beyond chance")]
)
def test_claims_come_from_the_evaluation(tmp_path: Path, tuned: list[bool], words: str) -> None:
    run = create_run(read_preset("tiny").run, tmp_path / "r")
    run.log.append(fake_worker.evaluated("base", [True, False] * 20))
    run.log.append(fake_worker.evaluated("tuned", tuned))
    text = str(card.card(run, "u/n"))
    assert words in text
    assert ("no measurable gain" in text) == (words == "no measurable gain")
    assert "1 evaluation of this run on these problems." in text
    assert (card.evidence(run)["looks"], card.evidence(run)["words"][0] in text) == (1, True)


def test_only_a_full_run_over_gsm8k_is_a_benchmark(tmp_path: Path) -> None:
    run = create_run(LLAMA, tmp_path / "r")
    for which, n in (("base", 1319), ("tuned", 1319)):
        run.log.append(fake_worker.evaluated(which, [True] * n))
    [told] = yaml.safe_load(eval_results.own(run, LLAMA, run.history(), "u/n") or "")
    assert told["value"] == 100.0
    assert f"100.0 % (99.7 to 100.0), n = 1319, seed {LLAMA.seed}, 20" in told["notes"]
    assert "Not run: a control with random rewards. Not looked at: whether the base remembers" in told["notes"]
    tiny = read_preset("tiny").run
    assert eval_results.own(run, tiny, run.history(), "u/n") is None
    run.log.append(fake_worker.evaluated("tuned", [True] * 1318))
    assert eval_results.own(run, LLAMA, run.history(), "u/n") is None


def test_paths_of_this_machine_stay_here(tmp_path: Path) -> None:
    reward = f"{tmp_path}/mine.py:brief"
    config = override(read_preset("tiny").run, [f"data.path={tmp_path}/my.jsonl", f"rewards={{'{reward}': 1.0}}"])
    text = str(card.card(create_run(config, tmp_path / "r"), "u/n")) + card.public_yaml(config)
    assert str(tmp_path) not in text
    assert "my.jsonl" in text


anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.sampled_from(
    [
        "```\n# out\n",
        "</details><script>",
        "---\nlicense: mit\n---",
        "| a | b |",
        "](javascript:x)",
        "~~~",
        "\x1b[31m",
        "{{x}}",
    ]
)


names = st.from_regex(r"\A[a-z0-9]([a-z0-9._-]{0,38}[a-z0-9])?\Z")


def config_with(dataset: str, name: str) -> RunConfig:
    return RunConfig.model_validate({**TINY, "name": name, "data": {"path": f"/x/{dataset}.jsonl"}})


@settings(max_examples=200)
@given(
    dataset=anything,
    completion=anything,
    question=anything,
    name=st.from_regex(r"\A[a-z0-9]([a-z0-9._-]{0,38}[a-z0-9])?\Z"),
)
def test_nothing_that_people_write_breaks_the_card_or_the_name(
    tmp_path_factory: pytest.TempPathFactory, dataset: str, completion: str, question: str, name: str
) -> None:
    config = config_with(dataset, name)
    repo = checked_name(proposed_name("user", config), config)
    validate_repo_id(repo)
    run = Run(tmp_path_factory.mktemp("r"))
    (run.folder / "config.yaml").write_text(write_yaml(config), encoding="utf-8")
    for which, right in (("base", False), ("tuned", True)):
        told = fake_worker.evaluated(which, [right])
        answer = told.answers[0].model_copy(update={"text": completion, "question": question, "kind": dataset})
        run.log.append(told.model_copy(update={"answers": (answer,)}))
    text = str(card.card(run, repo))
    read: Any = ModelCard(text)
    assert [result.metric_value for result in read.data.eval_results] == [100.0, 100.0]
    assert read.data.tags == ["grpo", "trl", "lora", "reasoning", "grpo-space"]
    outside = re.sub(r"(?ms)^(`{3,})[a-z]*\n.*?^\1$", "", read.content.partition("\n---\n")[2])
    assert "<script" not in outside
    assert "javascript:" not in outside or "\\]" in outside
    json.dumps(card.evidence(run))


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=20))
@settings(max_examples=30)
def test_a_curve_of_any_rewards(values: list[float]) -> None:
    data = reward_curve.png(list(enumerate(values, 1)), [(1, 0.5)])
    assert data is None or data.startswith(b"\x89PNG")
