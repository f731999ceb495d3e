"""The process that does one of a worker's jobs, and says what came of it: by events, on stdout, by its exit status.
Its parent, `grpo_space.worker`, holds the locks and lives on if this process dies.
"""

import ctypes
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from grpo_space.errors import RunError, UserError
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import EvaluationRequest, Failed, Finished
from grpo_space.runs.launch import PARENT
from grpo_space.runs.run import Run, disk_is_full
from grpo_space.runs.worker_jobs import JOBS, JobName
from grpo_space.worker import pipeline
from grpo_space.worker.recovery import OUT_OF_MEMORY, UNEXPECTED, is_out_of_memory
from grpo_space.worker.reporter import RANK_FILES, Reporter, Stopped

FULL = "the disk is full: free some of it, then resume"


def main(job: JobName, folder: str, *arguments: str) -> int:
    """Does one job.

    Returns:
        The exit status: 0 done or stopped, 1 for the user to put right, 3 where the training itself failed,
        OUT_OF_MEMORY, UNEXPECTED for anything else.
    """
    die_with_parent()
    run = Run(Path(folder))
    if job == "serve":
        pipeline.serve(run, float(arguments[0]))
        return 0
    if JOBS[job].brief:
        return answer_on_stdout(run, job, Path(arguments[0]))
    return emit_events(run, job, arguments)


def emit_events(run: Run, job: JobName, arguments: tuple[str, ...]) -> int:
    """Does a job that reports by events: to the run's log, or to that of an evaluation. Gives the exit status."""
    if RANK_FILES in os.environ and os.environ["RANK"] != "0":
        return follow_the_first(run)
    log = EventLog(Path(arguments[0])) if job == "evaluate" else run.log
    reporter = Reporter(log, run.activity)
    reporter.listen_for_stop()
    reporter.token = sys.stdin.read() or None
    try:
        if job == "evaluate":
            request, again = EvaluationRequest.model_validate_json(arguments[1]), arguments[2] == "again"
            if request.tuned:
                return pipeline.evaluate_models(run, reporter, request, again, others_turn="other" in arguments[3:])
            (pipeline.benchmark if request.suite else pipeline.evaluate)(run, reporter, request, again)
        elif job == "preflight":
            pipeline.preflight(run, reporter)
        else:
            pipeline.train(run, reporter)
    except Stopped as stopped:
        log.append(Finished(why="stopped", message=str(stopped)))
    except UserError as error:
        log.append(Failed(boundary=reporter.phase_name, message=str(error), user_error=True))
        return 1
    except Exception as error:
        return record_failure(run, reporter, error)
    return 0


def follow_the_first(run: Run) -> int:
    """Does a rank's part of what the first one asks for, until that ends. Only its last words are ever read, by
    `worker.launcher`: the run's folder is the first one's to write. Gives the exit status.
    """
    place = Path(os.environ[RANK_FILES]) / os.environ["RANK"]
    reporter = Reporter(EventLog(place.with_suffix(".jsonl")), place.with_suffix(".activity"))
    try:
        pipeline.follow(reporter)
    except UserError as error:
        reporter.log.append(Failed(boundary=reporter.phase_name, message=str(error), user_error=True))
        return 1
    except Exception as error:
        return record_failure(run, reporter, error)
    return 0


def record_failure(run: Run, reporter: Reporter, error: Exception) -> int:
    """Emits what failed, blamed on what was being done. Gives the exit status that says whether to try again."""
    if disk_is_full(run):
        full = f"{run.folder}: {FULL}"
        reporter.log.append(Failed(boundary=reporter.phase_name, message=full, user_error=True))
        return 1
    message = f"{type(error).__name__}: {error}"
    reporter.log.append(
        Failed(
            boundary=reporter.phase_name,
            message=message,
            traceback=traceback.format_exc(),
            activity=reporter.activity,
        )
    )
    if is_out_of_memory(error):
        return OUT_OF_MEMORY
    return 3 if isinstance(error, RunError) else UNEXPECTED


def answer_on_stdout(run: Run, job: JobName, folder: Path) -> int:
    """Does a brief job: prints how far it is and then its answer, a line of JSON each. Gives the exit status."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes to the log

    def send(message: pipeline.Message) -> None:
        print(json.dumps(message), file=answers, flush=True)

    try:
        answer = pipeline.verify(run, folder) if job == "verify" else pipeline.merge(run, folder, send)
    except UserError as error:
        answer = {"error": str(error)}
    send(answer)
    return int("error" in answer)


def die_with_parent() -> None:
    """Has the system end this process when its parent dies. The parent holds the locks: a child that outlives it
    would be a second user of the GPU. Linux only (prctl).
    """
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
        if os.getppid() != int(os.environ[PARENT]):  # it died before this took effect
            os._exit(1)


def leave(code: int) -> NoReturn:
    """Ends the process without taking apart what torch and the others hold, which takes 1.6 s on 2 cores: all that a
    job leaves is on the disk by then, and the system takes back the rest.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main(*sys.argv[1:]))  # type: ignore[arg-type]  # the parent checked the job's name
