"""Which rank is blamed where several have ended, and in which words."""

import os
import signal
import socket
from pathlib import Path

import pytest
from torch.distributed.elastic.multiprocessing import ProcessFailure

from grpo_space.presets import read_preset
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Failed, Phase, Started
from grpo_space.runs.run import Run, create_run
from grpo_space.worker.launcher import blame
from grpo_space.worker.ranks import take_own_port
from grpo_space.worker.recovery import OUT_OF_MEMORY, UNEXPECTED
from grpo_space.worker.reporter import STOP

LOST = Failed(boundary="train", message="RuntimeError: Connection closed by peer", time=100.2)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = create_run(read_preset("tiny").run, tmp_path / "run")
    for event in (Started(), Phase(what="train")):
        run.log.append(event)
    return run


def blamed(run: Run, codes: dict[int, int], said: dict[int, Failed], after: int = 0) -> tuple[int, Failed | None]:
    """The exit status that the parent gets, and what the launcher recorded. `after`: seconds from the first death to
    those of the others.
    """
    room = run.folder.parent
    for rank, failed in said.items():
        (run.log if rank == 0 else EventLog(room / f"{rank}.jsonl")).append(failed)
    (room / "1.activity").write_text("learn")
    before = len(run.log.read()[0])
    failures = {rank: ProcessFailure(rank, 1000 + rank, code, "") for rank, code in codes.items()}
    for late in list(failures.values())[1:]:
        late.timestamp += after
    code = blame(failures, 2, run, room)
    new = run.log.read()[0][before:]
    assert len(new) <= 1
    recorded = new[0] if new else None
    assert recorded is None or isinstance(recorded, Failed)
    return code, recorded


def test_a_rank_that_was_killed_is_named_and_not_who_lost_its_connection(run: Run) -> None:
    code, found = blamed(run, {0: UNEXPECTED, 1: -signal.SIGKILL}, {0: LOST})
    assert code == -signal.SIGKILL
    assert found is not None
    assert found.message.startswith("Rank 1 of 2 (they count from 0): The worker was killed (signal 9).")
    assert (found.boundary, found.activity) == ("train", "learn")


def test_what_a_rank_said_itself_is_passed_on_and_decides_what_is_tried_next(run: Run) -> None:
    memory = Failed(boundary="worker", message="OutOfMemoryError: CUDA out of memory", activity="learn", time=100.0)
    code, found = blamed(run, {1: OUT_OF_MEMORY, 0: -signal.SIGTERM}, {1: memory})
    assert code == OUT_OF_MEMORY
    assert found is not None
    assert found.message.startswith("Rank 1 of 2 (they count from 0): OutOfMemoryError: CUDA out of memory. All ranks")
    assert found.activity == "learn"


def test_of_two_errors_the_first_counts(run: Run) -> None:
    first = Failed(boundary="worker", message="ValueError: no", time=100.0)
    assert "Rank 1 of 2 (they count from 0): ValueError: no." in str(
        blamed(run, {0: UNEXPECTED, 1: UNEXPECTED}, {0: LOST, 1: first})[1]
    )


def test_one_that_had_to_be_killed_after_another_is_not_to_blame(run: Run) -> None:
    wrong = Failed(boundary="train", message="DivergedError: The adapter holds values that are not numbers.", time=99.0)
    assert blamed(run, {0: 3, 1: -signal.SIGKILL}, {0: wrong}, after=30) == (3, None), "the first rank said it itself"


def test_the_first_rank_is_named_where_it_was_killed(run: Run) -> None:
    code, found = blamed(run, {0: -signal.SIGKILL, 1: UNEXPECTED}, {1: LOST})
    assert code == -signal.SIGKILL
    assert found is not None
    assert found.message.startswith("Rank 0 of 2 (they count from 0): The worker was killed (signal 9).")


def test_a_stop_before_anybody_listened_is_no_failure(run: Run) -> None:
    assert blamed(run, {0: -STOP, 1: -signal.SIGTERM}, {}) == (-STOP, None)


def test_runs_that_start_vllm_in_the_same_moment_meet_on_ports_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = set()
    for _run in range(2):
        monkeypatch.delenv("MASTER_PORT", raising=False)
        take_own_port()
        ports.add(int(os.environ["MASTER_PORT"]))
    assert len(ports) == 2
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()  # it is free
    monkeypatch.setenv("MASTER_PORT", "29501")  # the launcher's, or the user's
    take_own_port()
    assert os.environ["MASTER_PORT"] == "29501"
