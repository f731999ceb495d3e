"""Starts a pipeline's ranks, N processes that train one run together, as torchrun starts its own; when one of them dies
it ends the others, and says which it was and what happened.

python -m grpo_space.worker.launcher N JOB DIR
"""

import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from torch.distributed import TCPStore
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, ProcessFailure, start_processes

from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Failed
from grpo_space.runs.history import History
from grpo_space.runs.launch import PARENT
from grpo_space.runs.run import Run
from grpo_space.worker.child import die_with_parent, leave
from grpo_space.worker.ranks import HOST
from grpo_space.worker.recovery import ending
from grpo_space.worker.reporter import RANK_FILES, STOP, last_activity

LOOK_SECONDS = 0.2
"""Seconds between two looks at whether a rank has died."""


def main(count: int, job: str, folder: str) -> int:
    """Runs the ranks to their end. Gives the exit status of the first rank, or of the one that died and so ended all:
    negative where a signal did.
    """
    die_with_parent()
    os.environ[PARENT] = str(os.getpid())  # the ranks die with this process
    store = store_here()
    with tempfile.TemporaryDirectory(prefix="grpo-space-ranks-") as room:
        arguments = ("-m", "grpo_space.worker.child", job, folder)
        ranks = start_processes(
            "ranks",
            sys.executable,
            args=dict.fromkeys(range(count), arguments),
            envs={rank: environment(rank, count, store.port, room) for rank in range(count)},
            logs_specs=DefaultLogsSpecs(log_dir=room),
        )

        def stop(_signal: int, _frame: FrameType | None) -> None:
            with contextlib.suppress(ProcessLookupError):  # it may have ended this moment
                os.kill(ranks.pids()[0], STOP)  # the others do as the first one does

        signal.signal(signal.SIGTERM, stop)
        result = ranks.wait(period=LOOK_SECONDS)
        assert result is not None
        for pid in ranks.pids().values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)  # what a rank started and left behind: it may hold the GPU
        if 0 not in result.failures:  # the others end as soon as the first one has
            return 0
        return blame(result.failures, count, Run(Path(folder)), Path(room))


def store_here() -> TCPStore:
    """Where the ranks find one another: on a port that only this machine reaches."""
    listening = socket.create_server((HOST, 0))
    port = listening.getsockname()[1]
    return TCPStore(HOST, port, is_master=True, wait_for_workers=False, master_listen_fd=listening.detach())


def environment(rank: int, count: int, port: int, room: str) -> dict[str, str]:
    """What torchrun tells a rank; a file for its last words; and its share of the cores. All stays on this machine."""
    here = {"MASTER_ADDR": HOST, "MASTER_PORT": str(port), "TORCHELASTIC_USE_AGENT_STORE": "True"}
    here |= {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}
    which = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    threads = os.environ.get("OMP_NUM_THREADS") or max(1, (os.cpu_count() or 1) // count)
    more = {"TORCHELASTIC_RESTART_COUNT": 0, "OMP_NUM_THREADS": threads, RANK_FILES: room}
    return here | {name: str(value) for name, value in (which | more).items()}


def blame(failures: Mapping[int, ProcessFailure], count: int, run: Run, room: Path) -> int:
    """Finds the rank that died first, whose death the others followed, and records what happened to it in the run's
    log, after what the first rank may have said of a lost connection. Gives the exit status of that rank.
    """
    if failures[0].exitcode == -STOP:  # it did not listen yet
        return -STOP
    logs = {rank: run.log if rank == 0 else EventLog(room / f"{rank}.jsonl") for rank in failures}
    said = {rank: end for rank, log in logs.items() if isinstance(end := History.of(log.events()).end, Failed)}
    first = min(failure.timestamp for failure in failures.values())

    def order(rank: int) -> tuple[bool, bool, float]:
        """Those that were ended for another's sake come last; a signal comes before an error, which may follow it."""
        failure = failures[rank]
        for_another = failure.exitcode == -signal.SIGTERM or failure.timestamp > first + 1
        return for_another, failure.exitcode >= 0, said[rank].time if rank in said else first

    rank = min(failures, key=order)
    code = failures[rank].exitcode
    if rank == 0 and code >= 0:
        return code
    who, phase = f"Rank {rank} of {count} (they count from 0)", History.of(run.log.events()).phase
    activity = last_activity(run.activity if rank == 0 else room / f"{rank}.activity")
    failed = said.get(rank) if code >= 0 else None
    failed = failed or Failed(boundary="", message=ending(code), activity=activity)
    message = f"{who}: {failed.message}" if failed.user_error else f"{who}: {failed.message.rstrip('.')}. {RESUME}"
    run.log.append(failed.model_copy(update={"message": message, "boundary": phase.what if phase else "worker"}))
    return code


RESUME = "All ranks were ended. Resume takes the run up from its last checkpoint, with fewer GPUs too (--gpus 1)."

if __name__ == "__main__":
    code = main(int(sys.argv[1]), *sys.argv[2:])
    if code < 0:  # the parent is to see the same
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    leave(code)
