"""The local Hub's Jobs: each runs its real command as a process, with nothing but its own environment and secrets.

What Jobs do by what is documented, and by what was read in huggingface_hub 0.36.2: they are scheduled, run, end or are
ended; process 1 ignores SIGTERM unless it has a handler; a log stream replays from the start. `Jobs` tells what fails;
HTTP's own failures (402, 403, 429, a lost answer) are told to `Hub.fail`.
"""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.support.hub_http import Conversation
from tests.support.hub_store import Refusal, User

CLOCK = "COMMIT_SECONDS, CHECKPOINT_SECONDS = 120.0, 60.0"
"""How often the bootstrap commits, as it says it."""
QUICK = {
    "BEAT_SECONDS, LOOK_SECONDS = 30.0, 15.0": "BEAT_SECONDS, LOOK_SECONDS = 30.0, 0.3",
    CLOCK: "COMMIT_SECONDS, CHECKPOINT_SECONDS = 1.0, 0.5",
    '"-m", "grpo_space.worker"': '"-P", "-m", "tests.support.quick_worker"',
    '"PYTHONPATH": str(package)': f'"PYTHONPATH": "{Path(__file__).resolve().parents[2]}"',
}
"""What is another in the bootstrap of a Job that is to be quick: how often it looks, and its worker, which is not the
one of the package: that would be compiled anew in each Job.
"""
HARDWARE: list[dict[str, Any]] = [
    {"name": name, "prettyName": title, "cpu": cpu, "ram": ram, "unitLabel": "minute"}
    | {"unitCostMicroUSD": round(1e6 * hourly / 60), "unitCostUSD": round(hourly / 60, 6)}
    | {"accelerator": {"type": "gpu", "manufacturer": "Nvidia", **dict(zip(("model", "quantity", "vram"), gpu))}}  # noqa: B905
    for name, title, cpu, ram, gpu, hourly in [
        ("t4-small", "Nvidia T4 - small", "4 vCPU", "15 GB", ("T4", "1", "16 GB"), 0.40),
        ("l4x1", "1x Nvidia L4", "8 vCPU", "30 GB", ("L4", "1", "24 GB"), 0.80),
        ("a10g-largex2", "2x Nvidia A10G - large", "24 vCPU", "92 GB", ("A10G", "2", "48 GB"), 3.00),
        ("a100-large", "Nvidia A100 - large", "12 vCPU", "142 GB", ("A100", "1", "80 GB"), 2.50),
    ]
]
HARDWARE.insert(
    0,
    {"name": "cpu-basic", "prettyName": "CPU Basic", "cpu": "2 vCPU", "ram": "16 GB", "accelerator": None}
    | {"unitCostMicroUSD": 167, "unitCostUSD": 0.000167, "unitLabel": "minute"},
)


@dataclass
class LogFault:
    """What goes wrong with one log stream, after so many lines: it is cut, ends too early, or falls silent."""

    how: Literal["cut", "end", "silent"]
    lines: int = 0


@dataclass
class Job:
    id: str
    namespace: str
    asked: dict[str, Any]
    """The body that created it, its secrets included."""
    folder: Path
    stage: str = "SCHEDULING"
    message: str | None = None
    lines: list[tuple[float, str]] = field(default_factory=list)
    """Its log: when, and what."""
    process: "subprocess.Popen[str] | None" = None
    ended: threading.Event = field(default_factory=threading.Event)
    news: threading.Condition = field(default_factory=threading.Condition)

    def become(self, stage: str, message: str | None = None) -> None:
        with self.news:
            self.stage, self.message = stage, message
            self.news.notify_all()

    def log(self, line: str) -> None:
        with self.news:
            self.lines.append((time.time(), line))
            self.news.notify_all()

    def wait_for(self, stage: str, seconds: float = 60) -> None:
        with self.news:
            assert self.news.wait_for(lambda: self.stage == stage, seconds), f"{self.stage}, not {stage}: {self.lines}"

    def wait_for_line(self, wanted: str, seconds: float = 60) -> None:
        with self.news:
            assert self.news.wait_for(lambda: any(wanted in line for _, line in self.lines), seconds), self.lines

    def shown(self) -> dict[str, Any]:
        keys = ("dockerImage", "command", "arguments", "environment", "flavor")
        return {key: self.asked.get(key) for key in keys} | {
            "id": self.id,
            "createdAt": "2026-11-27T10:00:00.000Z",
            "status": {"stage": self.stage, "message": self.message},
            "owner": {"id": "1", "name": self.namespace, "type": "user"},
        }


class Jobs:
    """All Jobs of a Hub, and what is told to go wrong with them."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.all: dict[str, Job] = {}
        """By id, the newest last."""
        self.scheduled = threading.Event()
        """Set: a Job starts at once. Cleared: it stays in SCHEDULING until this is set."""
        self.scheduled.set()
        self.log_faults: list[LogFault] = []
        """Those of the next log streams, one each."""
        self.instead: dict[str, str] = {}
        """What stands in the bootstrap for what: QUICK, or nothing."""
        self.answers = threading.Event()
        """Cleared: a Job is started, and whoever asked for it gets no answer until this is set."""
        self.answers.set()
        self.keep_alive_seconds = 0.5
        self.grace_seconds = 5.0
        """From SIGTERM to SIGKILL."""
        self.hardware_known = True
        """Whether this Hub knows the page with the prices."""

    def start(self, namespace: str, asked: dict[str, Any]) -> Job:
        job_id = secrets.token_hex(12)
        job = Job(job_id, namespace, asked, self.folder / job_id)
        job.folder.mkdir(parents=True)
        self.all[job_id] = job
        threading.Thread(target=self.run, args=(job,), daemon=True).start()
        return job

    def run(self, job: Job) -> None:
        self.scheduled.wait()
        if job.stage == "SCHEDULING":
            job.process = subprocess.Popen(
                ["env", "--ignore-signal=TERM", *self.command(job), *job.asked.get("arguments", [])],
                cwd=job.folder, env=self.environment(job), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, text=True, errors="replace",
            )  # fmt: skip
            job.log(f"===== Job started at {time.strftime('%Y-%m-%d %H:%M:%S')} =====")
            job.become("RUNNING")
            reader = threading.Thread(target=self.read, args=(job, job.process), daemon=True)
            reader.start()
            limit = threading.Timer(job.asked.get("timeoutSeconds", 30 * 60), self.end, (job, "ERROR", "Job timeout"))
            limit.daemon = True
            limit.start()
            status = job.process.wait()
            limit.cancel()
            _end_container(job.id)
            reader.join()
            if job.stage == "RUNNING" and status == 0:
                job.become("COMPLETED")
            elif job.stage == "RUNNING":
                code = 128 - status if status < 0 else status
                job.become("ERROR", f"Job failed with exit code: {code}. Reason: Error")
        with job.news:
            job.ended.set()
            job.news.notify_all()

    def command(self, job: Job) -> list[str]:
        *before, code = job.asked["command"]
        for what, instead in self.instead.items():
            assert what in code, f"the bootstrap has no {what} any more"
            code = code.replace(what, instead)
        return [*before, code]

    @staticmethod
    def read(job: Job, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            job.log(line.rstrip("\n"))

    def environment(self, job: Job) -> dict[str, str]:
        """An image's environment, in which what a run needs is installed; the Hub's own names; the Job's."""
        image = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(job.folder),
            "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "HF_ENDPOINT": self.url,
        }  # fmt: skip
        own = {"JOB_ID": job.id, "ACCELERATOR": job.asked["flavor"], "CPU_CORES": "2", "MEMORY": "16Gi"}
        return {**image, **own, **job.asked.get("environment", {}), **job.asked.get("secrets", {})}

    def end(self, job: Job, stage: str, message: str | None = None) -> None:
        """SIGTERM for its first process, SIGKILL for all after the grace; its stage at once, as the Hub has it."""
        if job.stage in ("SCHEDULING", "RUNNING"):
            job.become(stage, message)
        if job.process is None or job.ended.is_set():
            return
        with contextlib.suppress(ProcessLookupError):
            job.process.send_signal(signal.SIGTERM)
        if not job.ended.wait(self.grace_seconds):
            _end_container(job.id)

    def kill(self, job: Job) -> None:
        """As a host does that fails: everything in it is gone at once."""
        _end_container(job.id)
        assert job.ended.wait(30)

    def close(self) -> None:
        self.scheduled.set()
        self.answers.set()
        for job in self.all.values():
            if job.stage == "SCHEDULING":
                job.become("DELETED")
            _end_container(job.id)


def _end_container(job_id: str) -> None:
    """Kills every process that a Job left: they all have its id in their environment."""
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"JOB_ID={job_id}\0".encode() in environment.read_bytes():
                os.kill(int(environment.parent.name), signal.SIGKILL)


class JobPages(Conversation):
    """What the Hub serves of them."""

    @property
    def jobs(self) -> Jobs:
        found: Jobs = self.server.jobs
        return found

    def may(self, namespace: str, what: str) -> User:
        user = self.signed_in()
        scope = user.role == "write" or (user.role == "contribute" and user.jobs)
        if not user.owns(namespace) or not scope:
            raise Refusal(403, f"Forbidden: missing permissions: {what} on {namespace}")
        return user

    def job(self, namespace: str, job_id: str) -> Job:
        job = self.jobs.all.get(job_id)
        if job is None or job.namespace != namespace:
            raise Refusal(404, "Job not found")
        return job

    def do_job_hardware(self) -> None:
        if not self.jobs.hardware_known:
            raise Refusal(404, "Sorry, we can't find the page you are looking for.")
        self.answer(HARDWARE)

    def do_job_start(self, namespace: str) -> None:
        self.may(namespace, "job.write")
        asked = self.json()
        if asked.get("flavor") not in [hardware["name"] for hardware in HARDWARE]:
            raise Refusal(400, f"Invalid flavor: {asked.get('flavor')}")
        if not asked.get("command") or not (asked.get("dockerImage") or asked.get("spaceId")):
            raise Refusal(400, "A Job needs a command, and a dockerImage or a spaceId")
        job = self.jobs.start(namespace, asked)
        self.jobs.answers.wait()
        self.answer(job.shown())

    def do_job_list(self, namespace: str) -> None:
        self.may(namespace, "job.read")
        self.answer([job.shown() for job in reversed(self.jobs.all.values()) if job.namespace == namespace])

    def do_job_one(self, namespace: str, job_id: str) -> None:
        self.may(namespace, "job.read")
        self.answer(self.job(namespace, job_id).shown())

    def do_job_cancel(self, namespace: str, job_id: str) -> None:
        self.may(namespace, "job.write")
        job = self.job(namespace, job_id)
        threading.Thread(target=self.jobs.end, args=(job, "CANCELED"), daemon=True).start()
        self.answer(job.shown())

    def do_job_logs(self, namespace: str, job_id: str) -> None:
        """Server-sent events from the log's start, with comments to keep the connection alive."""
        self.may(namespace, "job.read")
        job = self.job(namespace, job_id)
        fault = self.jobs.log_faults.pop(0) if self.jobs.log_faults else None
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        sent = 0
        for line in self.lines(job):
            if fault is not None and sent >= fault.lines:
                if fault.how == "silent":
                    job.ended.wait()
                if fault.how == "cut":
                    self.hang_up()
                    return
                break
            self.chunk(line)
            sent += line.startswith("data:")
        self.chunk("")

    def lines(self, job: Job) -> Iterator[str]:
        sent = 0
        while True:
            with job.news:
                if not job.lines[sent:] and not job.ended.is_set():
                    job.news.wait(self.jobs.keep_alive_seconds)
                lines, over = job.lines[sent:], job.ended.is_set()
            for at, line in lines:
                stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))
                yield f"data: {json.dumps({'data': line, 'timestamp': stamp})}\n\n"
            sent += len(lines)
            if over and not lines:
                return
            if not lines:
                yield ": keep-alive\n\n"

    def chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()
