import json
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants
from hypothesis import given
from hypothesis import strategies as st

from grpo_space import hub as hub_client
from grpo_space.config import ModelSection, RunConfig
from grpo_space.config_io import parse
from grpo_space.errors import UserError
from grpo_space.paths import PROJECT
from grpo_space.presets import read_preset
from grpo_space.results.summary import phase_words
from grpo_space.runs import launch
from grpo_space.runs.events import Failed, Finished, Phase
from grpo_space.runs.history import History
from grpo_space.runs.run import Run, create_run
from grpo_space.worker import download
from grpo_space.worker.download import Downloaded, fetch, needed, weights
from tests.support.hub_server import HubServer
from tests.support.hub_store import User
from tests.support.processes import TOKEN, until

TINY = PROJECT / "presets/tiny/model"
MODEL = ModelSection(id="owner/tiny")
SIZE = sum(path.stat().st_size for path in TINY.iterdir())
CHUNK = 2**16
"""What the client loses of a file that is cut: what it was about to write."""
WEIGHTS = (TINY / "model.safetensors").stat().st_size


@pytest.fixture
def tiny(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The embedded model on the Hub; gives its commit. Nobody waits between tries."""
    monkeypatch.setattr(hub_client, "WAITS", (0.0, 0.0, 0.0))
    monkeypatch.setattr(download, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", CHUNK)
    return hub.hub.upload("owner/tiny", TINY)


def got(model: ModelSection = MODEL, token: str | None = None) -> tuple[Downloaded, list[tuple[int, int]]]:
    reported: list[tuple[int, int]] = []
    return fetch(model, lambda here, total, rate: reported.append((here, total)), token), reported


def refusal(model: ModelSection = MODEL, token: str | None = None) -> str:
    with pytest.raises(UserError) as caught:
        got(model, token)
    assert len(caught.value.problems) == 1
    return str(caught.value)


def same(folder: Path) -> bool:
    return {p.name: p.read_bytes() for p in folder.iterdir()} == {p.name: p.read_bytes() for p in TINY.iterdir()}


def half_a_file() -> Path:
    [half] = Path(constants.HF_HUB_CACHE).rglob("*.incomplete")
    return half


def test_a_folder_is_the_model_itself() -> None:
    found, reported = got(ModelSection(id="presets/tiny/model"))
    assert (found.folder, reported) == (TINY, [])
    assert re.fullmatch("[0-9a-f]{16}", found.commit)


def test_all_comes_and_is_reported_and_comes_but_once(tiny: str, hub: HubServer) -> None:
    found, reported = got()
    assert found.commit == tiny == found.folder.name
    assert same(found.folder)
    assert reported[-1] == (SIZE, SIZE)
    assert [here for here, _ in reported] == sorted(here for here, _ in reported)
    sent = hub.hub.counted("GET", "resolve|cdn")
    assert got() == (found, [])
    assert hub.hub.counted("GET", "resolve|cdn") == sent
    assert hub.hub.leaks == []


def test_a_cut_goes_on_where_it_was(tiny: str, hub: HubServer) -> None:
    for after in (1_000_000, 1_500_000, 0):
        hub.hub.fail("GET", "/cdn/", cut_after=after)
    hub.hub.fail("GET", "resolve/.*/tokenizer.json", status=503)
    found, _ = got()
    assert same(found.folder)
    assert WEIGHTS <= hub.hub.sent["/cdn/"] <= WEIGHTS + 3 * CHUNK


def test_what_came_before_it_gave_up_is_kept(tiny: str, hub: HubServer) -> None:
    hub.hub.fail("GET", "/cdn/", cut_after=2_000_000)
    hub.hub.fail("GET", "/cdn/", status=500, times=99)
    assert refusal() == (
        "model.id: owner/tiny could not be read: the Hub has trouble of its own (HTTP 500): try again in a few minutes"
    )
    assert 2_000_000 - CHUNK <= half_a_file().stat().st_size <= 2_000_000
    hub.hub.faults.clear()
    found, reported = got()
    assert same(found.folder)
    assert reported[0][0] >= 2_000_000 - CHUNK
    assert hub.hub.sent["/cdn/"] <= WEIGHTS + CHUNK


def test_half_a_file_that_is_too_long_is_thrown_away(tiny: str, hub: HubServer) -> None:
    hub.hub.fail("GET", "/cdn/", cut_after=100_000)
    hub.hub.fail("GET", "/cdn/", status=500, times=99)
    refusal()
    hub.hub.faults.clear()
    half_a_file().write_bytes(bytes(9_000_000))
    assert same(got()[0].folder)


def test_without_a_network_the_cache_is_enough(tiny: str, hub: HubServer) -> None:
    found, _ = got()
    for method in ("HEAD", "GET"):
        hub.hub.fail(method, "", cut_after=0, times=99)
    assert got() == (found, [])
    (found.folder / "model.safetensors").unlink()
    assert "model.id: owner/tiny could not be read: the Hub cannot be reached" in refusal()
    shutil.rmtree(constants.HF_HUB_CACHE)
    assert "model.id: owner/tiny could not be read: the Hub cannot be reached" in refusal()


def test_a_gated_model_names_the_page(tiny: str, hub: HubServer) -> None:
    hub.hub.set("model", "owner/tiny", gated="manual")
    hub.hub.users["hf_guest"] = User("guest", "read")
    page = "model.id: owner/tiny is gated: ask for access at https://huggingface.co/owner/tiny; "
    assert refusal() == page + (
        "then sign in with a token of that account (hf auth login, or the secret HF_TOKEN on a Space)"
    )
    assert refusal(token="hf_guest") == page + "the account of this token has no access yet"
    hub.hub.users["hf_guest"].access.add("owner/tiny")
    assert same(got(token="hf_guest")[0].folder)
    assert hub.hub.leaks == []


NOT_THERE = "there is no model owner/none on the Hugging Face Hub, or it is private"


@pytest.mark.parametrize(
    ("model", "token", "words"),
    [
        (ModelSection(id="owner/none"), None, f"{NOT_THERE}: sign in with a token that may read it"),
        (ModelSection(id="owner/none"), TOKEN, f"{NOT_THERE} to others"),
        (ModelSection(id="owner/none"), "hf_wrong", "owner/none: the Hub does not accept this token: make a new one"),
        (ModelSection(id="what is this"), None, "what is this is not a name on the Hugging Face Hub"),
        (ModelSection(id="owner/tiny", revision="v9"), None, "model.revision: owner/tiny has no v9"),
    ],
)
def test_what_cannot_be_had_is_refused_in_words(tiny: str, model: ModelSection, token: str | None, words: str) -> None:
    message = refusal(model, token)
    assert words in message
    assert message.startswith("model.")
    assert "hf_" not in message


def test_too_many_requests_wait_as_long_as_the_hub_says(
    tiny: str, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("grpo_space.hub.time.sleep", waited.append)
    hub.hub.fail("GET", "/api/models/owner/tiny", status=429, headers={"Retry-After": "7"})
    assert same(got()[0].folder)
    assert waited == [7.0]


def test_a_full_disk_is_refused_before_it_is_full(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2**20))
    assert refusal().startswith("model.id: owner/tiny needs 5.2 MiB more disk, and 1.0 MiB are free in ")
    assert not list(Path(constants.HF_HUB_CACHE).rglob("model.safetensors"))


@pytest.mark.parametrize(
    ("names", "what"),
    [(["config.json", "model.Q4_K_M.gguf"], "only GGUF files"), (["config.json", "README.md"], "no weights")],
)
def test_a_repository_without_weights_is_refused(hub: HubServer, tmp_path: Path, names: list[str], what: str) -> None:
    (tmp_path / "repo").mkdir()
    for name in names:
        (tmp_path / "repo" / name).write_text("{}")
    hub.hub.upload("owner/tiny", tmp_path / "repo")
    assert f"model.id: owner/tiny holds {what}: take" in refusal()


def test_a_repository_that_is_no_model_is_refused(hub: HubServer) -> None:
    hub.hub.create("owner/tiny")
    assert refusal() == "model.id: owner/tiny is not a model that can be trained: it has no config.json"


LLAMA = [
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "model.safetensors.index.json", *(f"model-0000{n}-of-00004.safetensors" for n in range(1, 5)),
]  # fmt: skip
BESIDE = [
    ".gitattributes", "LICENSE", "README.md", "USE_POLICY.md", "original/consolidated.00.pth", "original/params.json",
    "original/tokenizer.model", "pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin",
    "pytorch_model-00002-of-00002.bin", "model.Q4_K_M.gguf", "onnx/model.onnx", "modeling_own.py", "tf_model.h5",
    "consolidated.safetensors", "flax_model.msgpack", "adapter_model.safetensors",
]  # fmt: skip


def test_only_what_is_needed_is_loaded() -> None:
    assert needed([*LLAMA, *BESIDE]) == set(LLAMA)
    old = [name for name in BESIDE if name.startswith("pytorch_model")]
    assert needed(["config.json", "merges.txt", *BESIDE]) == {"config.json", "merges.txt", *old}
    assert needed(["a.json", "pytorch_model.bin", *old]) == {"a.json", "pytorch_model.bin"}
    assert "model-00001-of-00004.safetensors" not in needed(["config.json", "model.safetensors", *LLAMA])
    templates = ["additional_chat_templates/tool.jinja", "chat_template.jinja"]
    assert needed([*LLAMA, *templates]) == {*LLAMA, *templates}


@given(st.sets(st.sampled_from([*LLAMA, *BESIDE])))
def test_weights_are_whole_or_none(names: set[str]) -> None:
    chosen = weights(names)
    assert chosen <= needed(names) <= names
    shards = [name for name in chosen if "-of-" in name]
    assert all(len(shards) == int(re.findall(r"of-(\d+)", name)[0]) for name in shards)


# Through the worker


@pytest.fixture
def gated(hub: HubServer, runs_root: Path, tmp_path: Path) -> RunConfig:
    """A run of 2 steps whose model is gated, and whose dataset private."""
    hub.hub.upload("owner/tiny", TINY, gated="manual")
    (tmp_path / "data").mkdir()
    lines = (PROJECT / "presets/tiny/train.jsonl").read_text().splitlines()[:200]
    rows = [json.loads(line) for line in lines]
    solved = [(row["question"], row["answer"].replace("####", "So $x = \\boxed ") + "$.\n") for row in rows[1:]]
    maths = [{"problem": problem, "solution": solution, "level": "Level 1"} for problem, solution in solved]
    maths.append({"problem": "Unanswered?", "solution": "Who\nknows.", "level": "Level 5"})
    (tmp_path / "data" / "train.jsonl").write_text("\n".join(map(json.dumps, maths)))
    hub.hub.upload("owner/sums", tmp_path / "data", "dataset", private=True)
    tiny = read_preset("tiny").run.model_dump(mode="json")
    changed = {
        "model": {**tiny["model"], "id": "owner/tiny"},
        "data": {"id": "owner/sums", "max_prompt_length": 900},
        "evaluation": {"problems": 4, "probe_problems": 0},
        "grpo": {**tiny["grpo"], "max_steps": 2},
    }
    return parse({**tiny, **changed})


def wait_for_end(run: Run) -> History:
    until(run.log, lambda event: isinstance(event, Finished | Failed))
    return run.history()


def test_the_token_reaches_the_worker_and_is_left_nowhere(
    gated: RunConfig, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    run = create_run(gated)
    launch.start(run, token=TOKEN)
    until(run.log, lambda event: isinstance(event, Phase) and event.what == "train")
    seen = subprocess.run(["ps", "eww", "-e"], capture_output=True, text=True, check=True).stdout
    workers = [line for line in seen.splitlines() if str(run.folder) in line]
    assert len(workers) == 2
    assert not any(TOKEN in line for line in workers)
    history = wait_for_end(run)
    assert isinstance(history.end, Finished), history.end
    assert history.loaded is not None
    assert history.loaded.model_commit == hub.hub.head("model", "owner/tiny")["oid"]
    assert history.loaded.data_commit == hub.hub.head("dataset", "owner/sums")["oid"]
    assert "Read 199 problems from owner/sums (1 more have no answer that could be read)" in history.loaded.rows
    phases = [e for e in run.log.read()[0] if isinstance(e, Phase) and e.what == "download"]
    assert (phases[-1].done, phases[-1].total) == (SIZE, SIZE)
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert kept == []
    assert hub.hub.leaks == []


@pytest.mark.parametrize(
    ("private", "boundary", "words"),
    [
        (True, "data", "data.id: there is no dataset owner/sums on the Hugging Face Hub, or it is private"),
        (False, "download", "ask for access at https://huggingface.co/owner/tiny"),
    ],
)
def test_without_a_token_the_worker_says_what_is_missing(
    gated: RunConfig, hub: HubServer, monkeypatch: pytest.MonkeyPatch, private: bool, boundary: str, words: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)  # the Space's own secret is nobody's gift
    hub.hub.set("dataset", "owner/sums", private=private)
    run = create_run(gated)
    launch.start(run)
    end = wait_for_end(run).end
    assert isinstance(end, Failed)
    assert (end.boundary, end.user_error) == (boundary, True)
    assert words in end.message


def test_a_download_in_words() -> None:
    phase = Phase(what="download", detail="a/b", done=3 * 2**30, total=6 * 2**30, rate=50 * 2**20, expected_seconds=61)
    assert phase_words(phase) == (
        "Downloading the model: a/b, 3.0 GiB of 6.0 GiB, 50.0 MiB a second, about 1 min 1 s left"
    )
