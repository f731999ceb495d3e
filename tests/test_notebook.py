"""The notebook of a free GPU, run in a real kernel: here without a GPU, so with the tiny preset."""

import json
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from grpo_space.paths import PROJECT
from grpo_space.presets import preset_names, read_preset
from grpo_space.publishing import backup
from grpo_space.runs.checkpoints import folder_of, write_manifest
from grpo_space.runs.events import Started
from grpo_space.runs.run import all_runs, create_run
from tests.support.hub_server import HubServer
from tests.support.processes import TOKEN, kill_worker, the_run, wait_for
from tests.support.served import free_port

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

FILE = PROJECT / "notebooks" / "grpo_space.ipynb"
TINY = "evaluation.problems=8 evaluation.probe_problems=0 grpo.save_steps=5 grpo.per_device_train_batch_size=8"
SECONDS = 600
"""The longest wait, for a machine that others want too."""
USERDATA = """def get(name):
    assert name == "HF_TOKEN"
    return {token!r}
"""


def opened(**choices: object) -> Any:
    """The notebook, with these values in its first cell, as a person puts them there."""
    notebook = nbformat.read(FILE, as_version=4)
    settings = next(cell for cell in notebook.cells if cell.id == "settings")
    for name, value in choices.items():
        settings.source, count = re.subn(rf"^{name} = \S+", f"{name} = {value!r}", settings.source, flags=re.MULTILINE)
        assert count == 1, f"{name} is no setting of the notebook"
    return notebook


def printed(notebook: Any) -> str:
    """All that stands under the cells. What a cell printed comes in pieces."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.get("text", "") + "\n".join(output.get("traceback", [])) for output in outputs)


@pytest.fixture
def client(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], Any]]:
    """Gives a client with a kernel in the project's folder, which can reach nothing beyond this machine."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # everything is here: nothing may be fetched
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    clients = []

    def made(notebook: Any) -> Any:
        found = nbclient.NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(PROJECT)}})
        found.create_kernel_manager()
        found.start_new_kernel()
        found.start_new_kernel_client()
        clients.append(found)
        return found

    yield made
    for found in clients:
        found._cleanup_kernel()


def run_cells(client: Any, *ids: str) -> None:
    """Runs the code cells of these ids, or all, from top to bottom."""
    for index, cell in enumerate(client.nb.cells):
        if cell.cell_type == "code" and (cell.id in ids or not ids):
            client.execute_cell(cell, index)


def test_it_is_a_whole_notebook_and_holds_no_outputs() -> None:
    plain = json.loads(FILE.read_text(encoding="utf-8"))
    nbformat.validate(plain)
    assert (plain["nbformat"], plain["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in plain["cells"]]
    assert len(set(ids)) == len(ids)
    code = [cell for cell in plain["cells"] if cell["cell_type"] == "code"]
    assert [cell["source"][0].split(".")[0] for cell in code] == [f"# @title {number}" for number in range(1, 6)]
    assert [cell["id"] for cell in code if cell["outputs"] or cell["execution_count"] is not None] == []


def test_it_offers_the_presets_that_there_are() -> None:
    settings = next(cell for cell in opened().cells if cell.id == "settings").source
    [offered] = re.findall(r"^PRESET = .* # @param (\[.*\])$", settings, re.MULTILINE)
    assert sorted(json.loads(offered)) == sorted(preset_names())
    assert [name for name in preset_names() if read_preset(name).quick is None] == [
        name for name in preset_names() if "tiny" in name
    ]  # the notebook says so


def test_a_runtime_dies_and_the_next_one_resumes(
    client: Callable[[Any], Any], hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Colab, whose secret holds the token: killed in the middle of training, opened again on an empty disk."""
    colab = tmp_path / "python" / "google" / "colab"
    colab.mkdir(parents=True)
    (colab / "userdata.py").write_text(USERDATA.format(token=TOKEN))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(colab.parents[1]), os.getenv("PYTHONPATH")])))
    choices = {"PRESET": "tiny", "USE": "command line", "BACKUP": "hub", "BACKUP_MINUTES": 0.1}

    first = client(opened(**choices, CHANGES=f"{TINY} grpo.max_steps=1000"))
    with ThreadPoolExecutor() as pool:
        killed = pool.submit(die, first, hub)
        with pytest.raises(nbclient.exceptions.DeadKernelError):
            run_cells(first, "settings", "install", "train")
        killed.result()
    [name] = datasets(hub)
    run_id = name.removeprefix("owner/grpo-run-")
    kept = json.loads(hub.hub.read(name, "run.json", "dataset"))["step"]

    monkeypatch.setenv("GRPO_SPACE_RUNS", str(tmp_path / "other disk"))
    second = client(opened(**{**choices, "BACKUP_MINUTES": 10}))  # the copy at the end is enough here
    shorten(hub, name, kept + 4)
    run_cells(second)
    said = printed(second.nb)
    assert f"{run_id}: restored, died at step" in said
    assert f"Resuming {run_id} from step {kept} of {kept + 4}" in said
    assert "right answers" in said
    [run] = all_runs()
    assert (run.status(), run.history().step) == ("done", kept + 4)
    assert json.loads(hub.hub.read(name, "run.json", "dataset"))["step"] == kept + 4
    whole = json.dumps([first.nb, second.nb]) + "".join(
        path.read_text(errors="replace") for path in run.folder.rglob("*") if path.is_file()
    )
    assert TOKEN not in whole


def datasets(hub: HubServer) -> list[str]:
    return [f"owner/{folder.name}" for folder in hub.hub.folder("dataset", "owner").glob("*")]


def die(client: Any, hub: HubServer) -> None:
    """The runtime ends once a checkpoint is beyond it: the kernel and the worker in one moment."""
    try:
        run = the_run(SECONDS)
        wait_for(lambda: any(re.search("checkpoint-[1-9]", path) for path in files_kept(hub)), SECONDS)
    finally:  # whatever went wrong: nobody waits for a thousand steps
        os.kill(client.km.provisioner.pid, signal.SIGKILL)
    kill_worker(run)


def files_kept(hub: HubServer) -> list[str]:
    return [path for name in datasets(hub) for path in hub.hub.files(name, "dataset")]


def shorten(hub: HubServer, name: str, steps: int) -> None:
    """Lets the run end soon after it was resumed."""
    config = hub.hub.read(name, "config.yaml", "dataset").decode()
    assert "max_steps: 1000" in config
    hub.hub.commit("dataset", name, "shorter", {"config.yaml": config.replace("1000", str(steps)).encode()})


def test_the_app_is_behind_its_password_and_the_stop_button_ends_it(
    client: Callable[[Any], Any], runs_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that lies in the folder of backups is there when it opens."""
    run = create_run(read_preset("tiny").run)
    checkpoint = folder_of(run.checkpoints, 0)
    checkpoint.mkdir(parents=True)
    (checkpoint / "trainer_state.json").write_text('{"global_step": 0}')
    write_manifest(checkpoint, 0)
    run.log.append(Started())
    monkeypatch.setenv("GRPO_SPACE_BACKUP", str(tmp_path / "kept"))
    backup.backup(run, None)
    monkeypatch.setenv("GRPO_SPACE_RUNS", str(tmp_path / "other disk"))
    port = free_port()
    monkeypatch.setenv("GRADIO_SERVER_PORT", str(port))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    opening = client(opened(PRESET="tiny", BACKUP=str(tmp_path / "kept")))
    answers: list[int] = []

    def visit() -> None:
        url, cell = f"http://127.0.0.1:{port}", next(cell for cell in opening.nb.cells if cell.id == "train")
        wait_for(lambda: "GRPO Space is at" in printed(opening.nb), SECONDS, lambda: printed(opening.nb))
        [password] = re.findall(r"with the password (\S+)", "".join(each.text for each in cell.outputs))
        for word in ("wrong", password):
            visitor = requests.Session()
            visitor.post(f"{url}/login", {"username": "owner", "password": word}, timeout=30)
            answers.append(visitor.get(f"{url}/config", timeout=30).status_code)
        os.kill(opening.km.provisioner.pid, signal.SIGINT)

    visitor = threading.Thread(target=visit, daemon=True)
    visitor.start()
    run_cells(opening, "settings", "install", "train")
    visitor.join()
    assert answers == [401, 200]
    assert f"{run.id}: restored" in printed(opening.nb)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}", timeout=30)
