"""Measures the app: how soon it answers, what it holds, how soon a long run opens, and what 30 watchers cost a
training.

    python -m benchmarks.app [--steps 8] [--pairs 8] [--watchers 30]

What watchers cost is measured twice: where the training computes on all cores, and where it leaves one, as beside a
GPU. They run on the same cores as the app and the training, so they cost more than on a Space, where they sit
elsewhere. Writes benchmarks/results/<date>-app.json too.
"""

import argparse
import asyncio
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import bootstrap

from grpo_space.config_io import override
from grpo_space.paths import PROJECT
from grpo_space.presets import read_preset
from grpo_space.runs.events import Group, Phase, Sample, Started, Step
from grpo_space.runs.launch import start, stop
from grpo_space.runs.run import Run, create_run
from tests.support.served import Served

HERE = Path(__file__).parent
STEPS, GROUPS, COMPLETIONS = 10_000, 1_000, 8
TEXT = "<reasoning>\n" + "12 * 3 = 36, and 36 + 4 = 40. " * 25 + "\n</reasoning>\n<answer>40</answer>"
METRICS = {
    "reward": 1.5,
    "reward_std": 0.5,
    "completions/mean_length": 190.0,
    "completions/min_length": 90.0,
    "completions/max_length": 256.0,
    "completions/clipped_ratio": 0.1,
    "entropy": 0.2,
    "grad_norm": 0.1,
    "loss": 0.01,
    **{f"rewards/{name}/{part}": 0.5 for name in ("correctness", "format", "steps") for part in ("mean", "std")},
}


def long_run() -> Run:
    """A run of 10,000 steps and 1,000 groups, as days of training would leave it."""
    run = create_run(override(read_preset("tiny").run, [f"grpo.max_steps={STEPS}"]))
    sample = Sample(
        text=TEXT, tokens=190, cut_off=False, value="40", correct=True, strict=True, reason="says 40, as expected",
        rewards={"correctness": 2.0, "format": 0.5}, advantage=0.4,
    )  # fmt: skip
    lines = [Started(), Phase(what="train", total=STEPS)]
    events: list[Any] = list(lines)
    for number in range(1, STEPS + 1):
        if number % (STEPS // GROUPS) == 0:
            events.append(Group(step=number, question="How many?", gold="40", samples=(sample,) * COMPLETIONS))
        events.append(Step(step=number, seconds=10.0, metrics=METRICS))
    run.log.path.write_text("".join(event.model_dump_json() + "\n" for event in events))
    return run


def start_up(runs: int = 3) -> dict[str, float]:
    """How soon the app answers after its start, and what memory it holds then."""
    seconds, mib = [], 0.0
    for _ in range(runs):
        begin = time.monotonic()
        with closing(Served()) as app:
            urllib.request.urlopen(app.url).read()
            seconds.append(time.monotonic() - begin)
            mib = app.resident_mib()
    return {"seconds_to_first_answer": statistics.median(seconds), "mib_after_first_answer": mib}


def opening() -> dict[str, float]:
    """How soon a long run opens, and a new step of it is seen."""
    run = long_run()
    with closing(Served()) as app:
        urllib.request.urlopen(app.url).read()
        first = asyncio.run(seconds_until(app, b"gs-chart"))
        again = asyncio.run(seconds_until(app, b"gs-chart"))
        follow = []
        for number in range(STEPS + 1, STEPS + 11):
            begin = time.monotonic()
            run.log.append(Step(step=number, seconds=10.0, metrics=METRICS))
            asyncio.run(seconds_until(app, f'"step": {number}'.encode(), api="status"))
            follow.append(time.monotonic() - begin)
        return {
            "log_mib": run.log.path.stat().st_size / 2**20,
            "seconds_to_open": first,
            "seconds_to_open_again": again,
            "seconds_to_see_a_new_step": statistics.median(follow),
            "mib_with_it_open": app.resident_mib(),
        }


async def seconds_until(app: Served, wanted: bytes, api: str = "") -> float:
    """Seconds until an endpoint has sent the wanted bytes."""
    begin = time.monotonic()
    while True:
        async for _, data in stream(app, handler(app, api)):
            if wanted in data or (api and wanted.replace(b" ", b"") in data):
                return time.monotonic() - begin
            if b"process_completed" in data:
                break


def handler(app: Served, api: str = "", elem_id: str = "gs-again") -> int:
    """The number of an endpoint: a named one, or what a click on a component does; without either, the stream."""
    with urllib.request.urlopen(f"{app.url}/config") as answer:
        config = json.load(answer)
    clicked = [[each["id"], "click"] for each in config["components"] if each["props"].get("elem_id") == elem_id]
    for each in config["dependencies"]:
        if each["api_name"] == api if api else any(target in clicked for target in each["targets"]):
            return int(each["id"])
    raise LookupError(api or elem_id)


async def stream(app: Served, index: int, session: str = "") -> Any:
    """What one caller receives, as it comes: the time and the bytes. Read with as little work as can be."""
    session = session or f"s{time.monotonic_ns()}"
    body = json.dumps({"data": [""] if index < 4 else [None], "fn_index": index, "session_hash": session}).encode()
    head = f"Host: 127.0.0.1:{app.port}\r\nConnection: close\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
    json_head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(f"POST /gradio_api/queue/join HTTP/1.1\r\n{head}{json_head}".encode() + body)
    await reader.read()
    writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", app.port, limit=2**24)
    writer.write(f"GET /gradio_api/queue/data?session_hash={session} HTTP/1.1\r\n{head}\r\n".encode())
    try:
        while data := await reader.read(2**20):
            yield time.time(), data
    finally:
        writer.close()


def watched(steps: int, watchers: int, pairs: int, threads: int | None) -> dict[str, Any]:
    """One training of the tiny model, looked on at in every second part of it: so many pairs of parts of so many steps
    each, the order of a pair turned each time. `threads`: what the training computes with; None: all cores.

    Each step is the same as the one before: the same prompts, no chance in what is written, nothing learnt. Where it
    learns, steps differ by 15 %, and a thousand of them could not tell 1 %.
    """
    few = Path(os.environ["GRPO_SPACE_RUNS"]) / "same.jsonl"
    few.write_text("".join((PROJECT / "presets/tiny/train.jsonl").read_text().splitlines(keepends=True)[:8]))
    settings = [
        f"grpo.max_steps={2 * pairs * (steps + 3) + 20}", "stop_when_learnt=false", "evaluation.problems=8",
        "evaluation.probe_problems=0", f"data.path={few}", "data.test_path=presets/tiny/test.jsonl",
        "grpo.temperature=0.01", "grpo.learning_rate=1e-9",
    ]  # fmt: skip
    if threads:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    with closing(Served()) as app:
        urllib.request.urlopen(app.url).read()
        run = create_run(override(read_preset("tiny").run, settings))
        start(run)
        parts: dict[bool, list[dict[str, float]]] = {True: [], False: []}
        lags: list[float] = []
        wait_for_steps(run, 3)
        for pair in range(pairs):
            for looked_on in ((False, True), (True, False))[pair % 2]:
                made, seen = part(app, run, steps, watchers if looked_on else 0)
                parts[looked_on].append(made)
                lags += seen
        mib = app.resident_mib()
        stop(run)
        while run.status() == "running":
            time.sleep(0.2)
    with_them, alone = ([each["seconds_per_step"] for each in parts[looked_on]] for looked_on in (True, False))
    slower = [a / b - 1 for a, b in zip(with_them, alone, strict=True)]
    return {
        "threads": threads, "alone": parts[False], "watched": parts[True], "slowdowns": slower,
        "slowdown": statistics.median(slower),
        "slowdown_95": interval(slower),
        "lag_median": statistics.median(lags), "lag_most": max(lags), "updates_seen": len(lags), "mib": mib,
    }  # fmt: skip


def interval(values: list[float]) -> list[float]:
    """95 % of the bootstrap's medians."""
    if len(values) < 2:
        return []
    found = bootstrap((values,), np.median, method="percentile", rng=0).confidence_interval
    return [float(found.low), float(found.high)]


def wait_for_steps(run: Run, count: int) -> dict[int, Step]:
    """The run's steps by their numbers, as soon as there are so many."""
    while True:
        made = {event.step: event for event in run.log.read()[0] if isinstance(event, Step)}
        if len(made) >= count:
            return made
        assert run.status() == "running", "the training ended too early"
        time.sleep(0.3)


def part(app: Served, run: Run, steps: int, watchers: int) -> tuple[dict[str, float], list[float]]:
    """So many steps of a training, from the second that begins in it; and how late each watcher saw each of them."""
    clients = None
    if watchers:
        command = [sys.executable, "-m", "benchmarks.app", "--watch", str(app.port), "--watchers", str(watchers)]
        clients = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    first = len(wait_for_steps(run, 1)) + 2
    wait_for_steps(run, first)
    before, begin = cpu_seconds(app.process.pid), time.monotonic()
    made = wait_for_steps(run, first + steps)
    wall, used = time.monotonic() - begin, cpu_seconds(app.process.pid) - before
    own, lags = 0.0, []
    if clients is not None:
        time.sleep(1.5)
        clients.terminate()
        seen = json.loads(clients.communicate()[0])
        own = seen["cpu_seconds"]
        for each in seen["seen"]:
            lags += [at - made[int(n)].time for n, at in each.items() if first < int(n) <= first + steps]
    seconds = [made[number].seconds for number in range(first + 1, first + steps + 1)]
    return {
        "seconds_per_step": statistics.fmean(seconds),
        "app_share_of_a_core": used / wall,
        "watchers_share_of_a_core": own / wall,
    }, lags


async def watch(port: int, watchers: int) -> None:
    """Notes when each watcher first sees each step; prints that at SIGTERM."""
    began = time.process_time()
    app: Any = type("App", (), {"port": port, "url": f"http://127.0.0.1:{port}"})
    index, step = handler(app), re.compile(rb"step (\d+) of")
    seen: list[dict[int, float]] = [{} for _ in range(watchers)]

    async def one(mine: dict[int, float]) -> None:
        async for at, data in stream(app, index, f"w{id(mine)}"):
            for found in step.findall(data):
                mine.setdefault(int(found), at)

    tasks = [asyncio.create_task(one(mine)) for mine in seen]
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(15, stopped.set)
    await stopped.wait()
    for task in tasks:
        task.cancel()
    print(json.dumps({"seen": seen, "cpu_seconds": time.process_time() - began}))


def cpu_seconds(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--watchers", type=int, default=30)
    parser.add_argument("--watch", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.watch:
        asyncio.run(watch(arguments.watch, arguments.watchers))
        return
    figures: dict[str, Any] = {"machine": f"{os.cpu_count()} cores, {platform.machine()}", "load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as root:
        os.environ["GRPO_SPACE_RUNS"] = root
        figures["start_up"] = start_up()
        print(json.dumps(figures, indent=1))
        figures["opening"] = opening()
        print(json.dumps(figures["opening"], indent=1))
    figures["watchers"] = arguments.watchers
    for name, threads in (("all_cores", None), ("a_core_left", max(1, (os.cpu_count() or 2) - 1))):
        with tempfile.TemporaryDirectory() as root:
            os.environ["GRPO_SPACE_RUNS"] = root
            figures[name] = watched(arguments.steps, arguments.watchers, arguments.pairs, threads)
    print(json.dumps(figures, indent=1))
    crowd_size = "" if arguments.watchers == 30 else f"-{arguments.watchers}"
    (HERE / "results" / f"{time.strftime('%Y-%m-%d')}-app{crowd_size}.json").write_text(
        json.dumps(figures, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
