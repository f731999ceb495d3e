import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs import evaluations, launch
from grpo_space.runs.evaluations import stored
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Evaluated, Event, Finished, Started
from grpo_space.runs.locks import Holder, holder, locked
from grpo_space.runs.run import (
    REMOVED,
    Run,
    all_runs,
    create_run,
    discard_unstarted,
    find_run,
    remove_run,
    runs_folder,
)
from grpo_space.runs.run_summary import Score, summarize
from tests.support import fake_worker
from tests.support.processes import ROOT, Fake


@pytest.fixture
def config() -> RunConfig:
    return read_preset("tiny").run


def refusal(function: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(UserError) as caught:
        function(*arguments)
    return str(caught.value)


# Folders and names


def test_an_id_can_be_read_and_sorts_by_time(
    runs_root: Path, config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for second in (59, 60, 3600, 3600 * 24 * 40):
        monkeypatch.setattr(time, "gmtime", lambda second=second: time.localtime(1_790_000_000 + second))
        made.append(create_run(config))
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d-\d{6}-tiny-[0-9a-f]{3}", run.id) for run in made)
    assert sorted(run.id for run in made) == [run.id for run in made]
    assert all_runs() == made[::-1]
    assert all(run.folder.parent == runs_root for run in made)


def test_runs_of_one_second_and_folders_of_ones_own_sort_by_when_they_were_made(
    runs_root: Path, config: RunConfig
) -> None:
    made = [create_run(config.model_copy(update={"name": name})) for name in "cba"]
    now = time.time_ns()
    for number, run in enumerate(made):
        os.utime(run.folder / "config.yaml", ns=(now, now + number))
    mine = create_run(config, runs_root / "mine")
    os.utime(mine.folder / "config.yaml", (1_700_000_000, 1_700_000_000))  # in 2023
    assert all_runs() == [*made[::-1], mine]


def test_a_new_folder_holds_the_config_and_nothing_else(runs_root: Path, config: RunConfig) -> None:
    run = create_run(config)
    assert [path.name for path in run.folder.iterdir()] == ["config.yaml"]
    assert run.config == config
    assert run.status() == "new"


def test_a_folder_of_ones_own(tmp_path: Path, config: RunConfig) -> None:
    (tmp_path / "empty").mkdir()
    assert create_run(config, tmp_path / "empty").folder == tmp_path / "empty"
    assert create_run(config, tmp_path / "deep" / "new").config == config


def test_a_folder_that_holds_something_is_left_alone(fake: Fake, tmp_path: Path, config: RunConfig) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("42")
    assert "is not an empty folder" in refusal(create_run, config, tmp_path / "mine")
    assert "is not an empty folder" in refusal(create_run, config, tmp_path / "mine" / "thesis.txt")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    assert "cannot be made (Not a directory)" in refusal(create_run, config, tmp_path / "mine" / "thesis.txt" / "run")
    run, _ = fake("finishes", tmp_path / "done")
    assert "holds a run already (done): resume it, or name another folder" in refusal(create_run, config, run.folder)
    running, _ = fake("works", tmp_path / "running")
    assert "a run is active there: watch running, or stop it first" in refusal(create_run, config, running.folder)


FULL_DISK = """
import resource, sys
from pathlib import Path
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs.run import create_run
config = read_preset("tiny").run
resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))
try:
    create_run(config, Path(sys.argv[1]))
except UserError as error:
    print(error)
"""


def test_a_full_disk_leaves_no_half_config(runs_root: Path) -> None:
    folder = runs_root / "new"
    command = [sys.executable, "-c", FULL_DISK, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == f"{folder}: cannot be made (File too large)\n"
    assert all_runs() == []
    assert not folder.exists()


def test_a_run_is_found_by_name_beginning_and_folder(
    runs_root: Path, tmp_path: Path, config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = create_run(config, runs_root / "2026-one"), create_run(config, runs_root / "2026-two")
    os.utime(one.folder / "config.yaml", ns=(0, 0))
    elsewhere = create_run(config, tmp_path / "elsewhere")
    assert find_run("2026-one") == find_run("2026-o") == find_run(str(one.folder)) == one
    assert find_run(str(elsewhere.folder)) == elsewhere
    monkeypatch.chdir(tmp_path)
    assert find_run("elsewhere") == find_run("./elsewhere") == elsewhere
    assert refusal(find_run, "2026") == f"RUN 2026: could be {two.id}, {one.id}"
    assert refusal(find_run, "2027") == f"RUN 2027: there is none; the latest: {two.id}, {one.id}"


def test_what_is_no_run_is_named(runs_root: Path, tmp_path: Path) -> None:
    assert refusal(find_run, "x") == "RUN x: there is none; no run was made yet"
    assert refusal(find_run, str(tmp_path)) == f"RUN {tmp_path}: is not a run's folder: it has no config.yaml"


def test_a_broken_config_is_named_with_its_file(runs_root: Path, config: RunConfig) -> None:
    run = create_run(config)
    (run.folder / "config.yaml").write_text("model: {id: m}\nseed: x\n")
    problems = refusal(lambda: run.config).splitlines()
    assert problems == [
        f"{run.folder}/config.yaml: data: is missing",
        f"{run.folder}/config.yaml: seed: 'x' should be a valid integer",
    ]


# Status


@pytest.mark.parametrize(("scenario", "status"), [("finishes", "done"), ("fails", "failed"), ("crashes", "died")])
def test_the_last_event_tells_how_it_ended(fake: Fake, scenario: str, status: str) -> None:
    run, _ = fake(scenario)
    assert run.status() == status


def test_the_lock_tells_that_it_runs(fake: Fake) -> None:
    run, process = fake("works")
    assert run.status() == "running"
    assert holder(run.folder / "lock") == Holder(process.pid)
    launch.stop(run)
    process.wait(timeout=30)
    assert run.status() == "stopped"
    assert "is not running (stopped)" in refusal(launch.stop, run)


def test_a_killed_worker_died(fake: Fake) -> None:
    run, process = fake("works")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert run.status() == "died"
    assert run.history().step == 2
    run.log.append(Started(attempt=2, from_step=0))
    assert run.status() == "died"


def test_a_lock_that_was_only_just_taken_is_one(runs_root: Path, config: RunConfig) -> None:
    """Its holder has not yet written who it is."""
    run = create_run(config)
    with (run.folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert holder(run.folder / "lock") == Holder()
        assert run.status() == "running"
    assert run.status() == "new"


def test_checkpoints_that_are_not_whole_do_not_count(runs_root: Path, config: RunConfig) -> None:
    run = create_run(config)
    assert run.last_checkpoint() is None
    for name, state in {
        "checkpoint-2": '{"global_step": 2}', "checkpoint-10": '{"global_step": 10}', "checkpoint-20": '{"global_st',
        "checkpoint-30": "[]", "checkpoint-40": "", "checkpoint-old": '{"global_step": 50}',
        "checkpoint-60": '{"global_step": 59}',
    }.items():  # fmt: skip
        (run.checkpoints / name).mkdir(parents=True)
        (run.checkpoints / name / "trainer_state.json").write_text(state)
    (run.checkpoints / "checkpoint-70").mkdir()
    assert run.last_checkpoint() == 10


def test_a_moments_work_with_a_run_is_not_its_going_on(runs_root: Path, config: RunConfig) -> None:
    run = create_run(config)
    for what, status in (("train", "running"), ("evaluate", "running"), ("merge", "new"), ("verify", "new")):
        with locked(run.folder / "lock", what=what):
            assert run.status() == status
    with locked(run.folder / "lock"):
        holder_words = {"what": "verify", "pid": 2**22 + 1}  # nobody's: Linux counts to 2^22
        (run.folder / "lock").write_text(json.dumps(holder_words))
        assert "is not running (new)" in refusal(launch.stop, run)
        assert "somebody is at it already: wait a moment" in refusal(launch.start, run)
    with locked(runs_folder() / "gpu.lock", what="merging", run="another", task="merge"):
        assert "the machine is merging another: one at a time; wait until it is done" in refusal(launch.start, run)


# Locks


def test_only_one_holds_a_lock(tmp_path: Path) -> None:
    lock = tmp_path / "new" / "lock"
    assert holder(lock) is None
    with locked(lock, what="training", run="r") as mine:
        assert mine
        assert holder(lock) == Holder(os.getpid(), "training", "r")
        with locked(lock) as again:
            assert not again
        assert holder(lock) == Holder(os.getpid(), "training", "r")
    assert holder(lock) is None


@pytest.mark.parametrize("name", ["lock", "worker.log"])
def test_a_worker_that_cannot_write_its_lock_or_log_is_said(runs_root: Path, config: RunConfig, name: str) -> None:
    """What stands where the file should be is refused as a full disk is."""
    run = create_run(config)
    (run.folder / name).symlink_to("/dev/full" if name == "lock" else "nowhere/to.be.found")
    with pytest.raises(UserError, match=rf"^{run.id}/{name}: cannot be written \("):
        launch.start(run)
    assert run.status() == "new"


def test_whoever_only_looks_keeps_nobody_from_starting(tmp_path: Path) -> None:
    lock, done = tmp_path / "lock", threading.Event()
    lock.touch()

    def look() -> None:
        while not done.is_set():
            holder(lock)

    watchers = [threading.Thread(target=look) for _ in range(3)]
    for watcher in watchers:
        watcher.start()
    try:
        for _ in range(20):
            with locked(lock) as mine:
                assert mine
    finally:
        done.set()
        for watcher in watchers:
            watcher.join()


GRANDCHILD = """
import os, subprocess, sys
from pathlib import Path
from grpo_space.runs.locks import locked
with locked(Path(sys.argv[1])):
    quiet = subprocess.DEVNULL
    print(subprocess.Popen(["sleep", "60"], close_fds=False, stdout=quiet, stderr=quiet).pid, flush=True)
    os._exit(0)
"""


def test_a_grandchild_keeps_no_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", GRANDCHILD, str(tmp_path / "lock")]
    grandchild = int(subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout)
    try:
        os.kill(grandchild, 0)
        assert holder(tmp_path / "lock") is None
    finally:
        os.kill(grandchild, signal.SIGKILL)


def test_a_second_writer_is_refused(fake: Fake) -> None:
    run, _ = fake("works")
    assert "somebody is at it already: watch it, or stop it first" in refusal(launch.start, run)
    assert run.history().step == 2
    assert run.status() == "running"


def test_a_taken_machine_is_said_in_words(runs_root: Path, config: RunConfig) -> None:
    run = create_run(config)
    with locked(runs_root / "gpu.lock", what="training", run="another"):
        assert "the machine is training another: one at a time" in refusal(launch.start, run)
        assert "the machine is training another: one at a time" in refusal(
            launch.merge, run, runs_root / "merged", None
        )
    assert run.status() == "new"


def test_a_run_that_was_refused_leaves_nothing_and_one_that_began_everything(fake: Fake, config: RunConfig) -> None:
    refused, began = create_run(config), fake("crashes")[0]
    refused.worker_log.touch()
    told = create_run(config)
    told.worker_log.write_text("Traceback")
    for run in (refused, began, told):
        discard_unstarted(run)
    assert [run.folder.exists() for run in (refused, began, told)] == [False, True, True]


def test_children_get_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN"):
        monkeypatch.setenv(name, "hf_secret")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    environment = launch.without_secrets()
    assert "hf_secret" not in environment.values()
    assert environment["PYTHONPATH"] == f"{ROOT}:/elsewhere"
    assert os.environ["HF_TOKEN"] == "hf_secret"


def test_a_run_that_is_removed_is_gone_and_an_active_one_is_not(fake: Fake, runs_root: Path) -> None:
    done, _ = fake("finishes")
    active, process = fake("works")
    assert f"{active.id}: is active: stop it first" in refusal(remove_run, active)
    remove_run(done)
    assert all_runs() == [active]
    assert [path.name for path in runs_root.iterdir()] == [active.id]
    launch.stop(active)
    process.wait(timeout=30)
    with locked(active.folder / "serve.lock"):
        assert "is active" in refusal(remove_run, active)
    left = runs_root / f"{REMOVED}of-a-removal-that-was-killed"
    (left / "checkpoints").mkdir(parents=True)
    remove_run(active)
    assert all_runs() == []
    assert not left.exists()


def test_a_list_of_500_runs_is_there_within_2_s(fake: Fake, runs_root: Path) -> None:
    """Once each was read: its summary lies beside it."""
    done, _ = fake("finishes")
    runs = [Run(runs_root / f"2026-01-01-{n:06d}-tiny") for n in range(500)]
    summarize(done)
    for run in runs:
        shutil.copytree(done.folder, run.folder)  # with the times of its files, and so with its summary
    begin = time.process_time()
    listed = [summarize(run) for run in all_runs()]
    seconds = time.process_time() - begin
    assert seconds < 2
    assert {(made.status, made.step, made.base, made.tuned) for made in listed} == {
        ("done", 3, Score(correct=1, n=4), Score(correct=3, n=4))
    }
    runs[0].log.append(Started(attempt=2, from_step=2))
    assert (summarize(runs[0]).status, summarize(runs[0]).step) == ("died", 2)
    (runs[1].folder / "config.yaml").write_text("seed: 2026-13-45")
    assert summarize(runs[1]).status == "unreadable"
    (runs[2].folder / "summary.json").write_text('{"status": "done", "step": 1e99}')
    assert (summarize(runs[2]).status, summarize(runs[2]).step) == ("done", 3)


# Which evaluation counts


def told(log: EventLog, time: float, n: int, of_attempt: int = 0) -> None:
    events: list[Event] = [
        Started(task="evaluate", of_attempt=of_attempt),
        fake_worker.evaluated("base", [True] * n), fake_worker.evaluated("tuned", [True] * n),
        Finished(why="done"),
    ]  # fmt: skip
    log.path.parent.mkdir(exist_ok=True)
    for event in events:
        log.append(event.model_copy(update={"time": time}))


def counted(run: Run) -> Evaluated | None:
    return stored(run).tuned


def test_the_evaluation_on_the_most_problems_counts_and_of_equals_the_newest(
    runs_root: Path, config: RunConfig
) -> None:
    run = create_run(config)
    assert counted(run) is None
    told(run.log, 100, n=4)
    for name, moment, n, expected in [("1", 200, 2, 100), ("2", 300, 4, 300), ("3", 400, 1, 300), ("4", 500, 5, 500)]:
        told(EventLog(run.folder / "evaluations" / f"{name}.jsonl"), moment, n)
        evaluated = counted(run)
        assert evaluated is not None
        assert evaluated.time == expected


def test_an_evaluation_from_before_the_resume_does_not_count(runs_root: Path, config: RunConfig) -> None:
    """It measured another adapter."""
    run = create_run(config)
    run.log.append(Started(time=100))
    run.log.append(Finished(time=110, why="stopped"))
    told(EventLog(run.folder / "evaluations" / "1.jsonl"), 200, n=4)
    assert counted(run) is not None
    run.log.append(Started(time=300, attempt=2))
    assert counted(run) is None
    told(EventLog(run.folder / "evaluations" / "2.jsonl"), 400, n=2)
    evaluated = counted(run)
    assert evaluated is not None
    assert evaluated.n == 2


def test_a_clock_that_steps_back_hides_no_evaluation(
    runs_root: Path, config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(config)
    for attempt in (1, 2):
        run.log.append(Started(time=1_800_000_000 * attempt, attempt=attempt))
    (run.folder / "evaluations").mkdir()
    names = []
    for moment, n in [(1_790_000_000, 3), (1_780_000_000, 3), (1_780_000_001, 3)]:
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        log = evaluations.new_log(run.folder / "evaluations")
        names.append(log.path.name)
        told(log, moment, n, of_attempt=2)
        evaluated = counted(run)
        assert evaluated is not None
        assert evaluated.time == moment
    assert sorted(names) == names
    run.log.append(Started(time=1, attempt=3))
    assert counted(run) is None


def test_half_an_evaluation_does_not_count(fake: Fake) -> None:
    run, _ = fake("finishes")
    log = EventLog(run.folder / "evaluations" / "1.jsonl")
    log.path.parent.mkdir()
    for event in (Started(task="evaluate"), fake_worker.evaluated("base", [True] * 9), Finished(why="stopped")):
        log.append(event)
    evaluated = counted(run)
    assert evaluated is not None
    assert evaluated.n == 4


def test_a_run_folder_can_be_moved(fake: Fake, tmp_path: Path) -> None:
    run, _ = fake("finishes")
    moved = Run(Path(shutil.move(run.folder, tmp_path / "moved")))
    assert (moved.status(), moved.history().step, moved.config.name) == ("done", 3, "tiny")


def test_a_run_that_is_killed_while_it_is_made_leaves_no_half_config(tmp_path: Path) -> None:
    """Its first lines alone are a config too, with defaults in the place of the others."""
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from grpo_space.presets import read_preset; from grpo_space.runs.run import create_run\n"
        "config = read_preset('tiny').run\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))\n"
        "create_run(config, Path(sys.argv[1]))\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGXFSZ
    assert not (tmp_path / "run" / "config.yaml").exists()
    config = read_preset("tiny").run
    assert create_run(config, tmp_path / "run").config == config, "the same command works once more"
