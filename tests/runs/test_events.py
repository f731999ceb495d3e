import itertools
import math
import subprocess
import sys
from pathlib import Path

import pytest

from grpo_space.presets import read_preset
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Alarm, AnyEvent, Event, Fallback, Finished, Phase, Sample, Started, Step
from grpo_space.runs.history import History
from grpo_space.runs.run import create_run
from grpo_space.ui.compare import tab
from grpo_space.ui.live.follower import Followers
from grpo_space.ui.runs import run_list
from tests.support import fake_worker
from tests.support.processes import ROOT


def step(number: int, **metrics: float) -> Step:
    return Step(step=number, seconds=1.0, metrics=metrics)


def test_nan_and_infinity_survive_in_nested_models_too(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.append(step(1, loss=math.nan, reward=math.inf))
    sample = fake_worker.group(1).samples[0].model_dump() | {"rewards": {"own": math.nan}, "advantage": math.nan}
    log.append(fake_worker.group(1).model_copy(update={"samples": (Sample(**sample),)}))
    [first, group], _ = log.read()
    assert isinstance(first, Step)
    assert math.isnan(first.metrics["loss"])
    assert first.metrics["reward"] == math.inf
    assert math.isnan(group.samples[0].rewards["own"])  # type: ignore[union-attr, index]


def test_every_event_comes_back_as_it_was(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    told = [*fake_worker.whole_run(3), Alarm(step=2, name="dead", message='line\none \u2028 \U0001f600 \\ "quoted"')]
    for event in told:
        log.append(event)
    assert log.read()[0] == told


def test_a_reader_goes_on_where_it_was_and_waits_for_whole_lines(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    assert log.read() == ([], 0)
    log.append(step(1))
    _, offset = log.read()
    whole = step(2).model_dump_json().encode() + b"\n"
    with log.path.open("ab") as file:
        file.write(whole[:20])
    assert log.read(offset) == ([], offset)
    with log.path.open("ab") as file:
        file.write(whole[20:])
    events, _ = log.read(offset)
    assert [event.step for event in events] == [2]  # type: ignore[union-attr]


@pytest.mark.parametrize("half", [b'{"type":"st', b'{"type":"step","step":1}'])
def test_half_a_line_of_a_killed_writer_does_not_spoil_the_next(tmp_path: Path, half: bytes) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path).append(step(1))
    with path.open("ab") as file:
        file.write(half)
    EventLog(path).append(step(2))
    assert [event.step for event in EventLog(path).read()[0]] == [1, 2]  # type: ignore[union-attr]


def test_nor_that_of_a_writer_who_has_had_a_turn_before(tmp_path: Path) -> None:
    """A worker's parent writes before and after a child that is killed as it writes."""
    path = tmp_path / "events.jsonl"
    parent = EventLog(path)
    parent.append(step(1))
    with path.open("ab") as file:
        file.write(b'{"type":"evaluated","which":"ba')
    parent.append(step(2))
    assert [event.step for event in parent.read()[0]] == [1, 2]  # type: ignore[union-attr]


def test_a_very_long_half_line_is_dropped_too(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path).append(step(1))
    with path.open("ab") as file:
        file.write(b"x" * 200_000)
    EventLog(path).append(step(2))
    assert len(EventLog(path).read()[0]) == 2


def test_damaged_lines_are_named_by_their_numbers_and_hide_no_other(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.append(step(1))
    for damaged in (
        b'{"type": "stap"}\n',
        b"\0" * 600 + b"\n",
        b"[" * 20_000 + b"\n",
        b'{"type":"step","step":1e400}\n',
    ):
        with log.path.open("ab") as file:
            file.write(damaged)
    log.append(step(2))
    _, offset = log.read()
    with log.path.open("ab") as file:
        file.write(b"\xff\n")
    log.append(step(3))
    first, alarm, second = log.read()[0][:3]
    assert [event.step for event in (first, second)] == [1, 2]  # type: ignore[union-attr]
    assert isinstance(alarm, Alarm)
    assert (alarm.name, alarm.time) == ("damaged", first.time)
    assert alarm.message == "events.jsonl: lines 2 to 5 are damaged, and left out; all others were read."
    later, third = log.read(offset)[0]
    assert isinstance(later, Alarm)
    assert later.message.startswith("events.jsonl: line 7 is damaged")
    history = History.of(log.events())
    assert [event.step for event in history.steps] == [1, 2, 3]
    assert history.last_time == third.time


def test_steps_and_groups_come_out_of_a_history_as_they_went_in() -> None:
    steps = [step(1, loss=math.inf, reward=0.1), step(2, reward=-1.5), step(3, loss=0.0, reward=0.25, other=3.0)]
    groups = [fake_worker.group(n) for n in (1, 2, 3)]
    history = History.of([*steps, *groups])
    assert [*history.steps] == steps
    assert [*history.groups] == groups
    assert (history.steps[-1], history.steps[1:], history.groups[:-1]) == (steps[2], steps[1:], groups[:2])
    assert [*history.steps.metric("loss", -1.0)] == [math.inf, -1.0, 0.0]
    history.add([Started(attempt=2, from_step=2), steps[2]])
    assert [*history.steps] == steps
    assert [*history.groups] == groups[:2]


OPENED = """
import sys
from pathlib import Path
from grpo_space.runs.run import Run
def megabytes(field):
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024
before = megabytes("VmRSS")
history = Run(Path(sys.argv[1])).history()
print(len(history.steps), len(history.groups), megabytes("VmHWM") - before)
"""


@pytest.mark.parametrize("kind", ["step", "group", "phase"])
def test_a_log_of_100_mb_opens_in_less_than_150_mb(tmp_path: Path, kind: str) -> None:
    words = [f"{number * 7919 % 10_007:x}" for number in range(10_007)]
    sample = fake_worker.group(1).samples[0].model_copy(update={"text": " ".join(words)})
    event: Event = step(1, **{f"rewards/some_{n}/mean": n / 7 for n in range(25)})
    if kind == "group":
        event = fake_worker.group(1).model_copy(update={"samples": (sample,) * 8})
    elif kind == "phase":
        event = Phase(what="evaluate_base", done=1, total=10**6, expected_seconds=1.5)
    line = event.model_dump_json().encode() + b"\n"
    many = -(-100 * 2**20 // len(line))
    with (tmp_path / "events.jsonl").open("wb") as file:
        file.writelines(itertools.repeat(line, many))
    command = [sys.executable, "-c", OPENED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    steps, groups, more = done.stdout.split()
    assert (int(steps), int(groups)) == (many if kind == "step" else 0, many if kind == "group" else 0)
    assert float(more) < 150


FULL_DISK = """
import resource, sys
from pathlib import Path
from grpo_space.errors import UserError
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Alarm
log = EventLog(Path(sys.argv[1]))
log.append(Alarm(step=1, name="a", message="before"))
resource.setrlimit(resource.RLIMIT_FSIZE, (400, resource.RLIM_INFINITY))
try:
    log.append(Alarm(step=2, name="a", message="x" * 1000))
except UserError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.append(Alarm(step=3, name="a", message="after"))
"""


def test_a_full_disk_is_said_and_leaves_no_half_line(tmp_path: Path) -> None:
    """A file size limit stands for the full disk: like it, it writes a part and then refuses."""
    path = tmp_path / "events.jsonl"
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=True)
    assert "events.jsonl: cannot be written (File too large)" in done.stdout
    assert [event.step for event in EventLog(path).read()[0]] == [1, 3]  # type: ignore[union-attr]


def test_whoever_writes_leaves_no_file_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(50):
        EventLog(tmp_path / "events.jsonl").append(step(number))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_resumed_run_counts_each_step_once() -> None:
    history = History.of(
        [Started(), *(step(n) for n in range(1, 8)), Started(attempt=2, from_step=4), step(5), step(6)]
    )
    assert [event.step for event in history.steps] == [1, 2, 3, 4, 5, 6]
    assert history.end is None


def test_an_old_ending_does_not_end_a_new_attempt() -> None:
    history = History.of([Started(), Finished(why="stopped"), Started(attempt=2)])
    assert history.end is None


def test_the_first_step_does_not_count_for_the_pace() -> None:
    history = History.of([Step(step=1, seconds=100.0, metrics={})])
    assert history.seconds_per_step == 100.0
    history.add([Step(step=n, seconds=2.0, metrics={}) for n in (2, 3)])
    assert history.seconds_per_step == 2.0


def test_a_log_written_before_fallbacks_were_events_is_read(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    lines = [
        '{"time":1.0,"type":"started","task":"evaluate","asked":{"data":"gsm8k-test","limit":7}}',
        '{"time":2.0,"type":"alarm","step":0,"name":"vllm","message":"vLLM failed."}',
        '{"time":3.0,"type":"alarm","step":4,"name":"memory:passes","message":"ran out"}',
        '{"time":4.0,"type":"alarm","step":5,"name":"memory:apart","message":"ran out"}',
        '{"time":5.0,"type":"alarm","step":6,"name":"still:format","message":"still"}',
    ]
    path.write_text("\n".join(lines) + "\n")
    started, *notices = EventLog(path).read()[0]
    assert isinstance(started, Started)
    assert (started.request.data, started.request.limit) == ("gsm8k-test", 7)
    assert notices == [
        Fallback(time=2.0, step=0, cause="vllm", name="generate", message="vLLM failed."),
        Fallback(time=3.0, step=4, cause="memory", name="micro_batches", message="ran out"),
        Fallback(time=4.0, step=5, cause="memory", name="chunked", message="ran out"),
        Alarm(time=5.0, step=6, name="still:format", message="still"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        '{"type":"finished","why":"done","time":Infinity}',
        '{"type":"finished","why":"done","time":-1e18}',
        '{"type":"finished","why":"done","time":NaN}',
        '{"type":"probe","step":1,"correct":-1,"strict_correct":0,"n":32}',
        '{"type":"probe","step":1,"correct":32,"strict_correct":0,"n":0}',
        '{"type":"remembered","both":-1,"only_original":0,"only_changed":0,"neither":0,"seed":0}',
        '{"type":"phase","what":"load","expected_seconds":Infinity}',
        '{"type":"preflight","prompts":1,"group_size":1,"seconds_per_step":1,"run_seconds":Infinity,"findings":[]}',
    ],
)
def test_what_cannot_have_happened_is_damage_and_the_run_is_shown(runs_root: Path, line: str) -> None:
    run = fake_worker.with_adapter(create_run(read_preset("tiny").run))
    run.log.append_lines(line.encode() + b"\n")
    [alarm] = run.history().alarms
    assert alarm.name == "damaged"
    page = Followers().look(run.id)
    assert page is not None
    assert page.status == "done"
    assert [row[0] for row in run_list.rows()] == [run.id], "nor does it take the others off the list"


def test_results_of_other_problems_are_not_compared(runs_root: Path) -> None:
    run = fake_worker.with_adapter(create_run(read_preset("tiny").run))
    base = run.history().base
    assert base is not None
    run.log.append(base.model_copy(update={"answers": ()}))
    assert run.history().base == base, "of no problems is no result"
    assert run.history().measured
    run.log.append(base.model_copy(update={"answers": base.answers[:1]}))
    assert not run.history().measured
    page = Followers().look(run.id)
    assert page is not None
    assert "did not answer the same problems" in page.now
    assert page.evaluations.made == {}
    assert not tab.worth_publishing(page)
    assert [row[0] for row in run_list.rows()] == [run.id]


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_clock_that_is_set_back_takes_no_more_than_a_moment_of_a_runs_time(at: int) -> None:
    """The card's hours and what they cost were 0 where a run's events began later than they ended."""
    first: list[tuple[float, AnyEvent]] = [
        (0.0, Started()),
        *((10.0 * n, step(n)) for n in (1, 2, 3)),
        (40.0, Finished(why="stopped")),
    ]
    second: list[tuple[float, AnyEvent]] = [
        (5000.0, Started(attempt=2, from_step=3)),
        (5010.0, step(4)),
        (5020.0, Finished(why="done")),
    ]
    moments = [(moment - (7200.0 if i >= at else 0.0), event) for i, (moment, event) in enumerate([*first, *second])]
    events = [event.model_copy(update={"time": 1.7e9 + moment}) for moment, event in moments]
    assert History.of(events).seconds == pytest.approx(60.0 - 10.0)
    kept = [event.model_copy(update={"time": 1.7e9 + moment}) for moment, event in [*first, *second]]
    assert History.of(kept).seconds == pytest.approx(60.0)


def test_the_wait_for_a_second_job_is_no_time_that_the_run_worked() -> None:
    """A run that was resumed a day later cost a day more: a Job reports what it waits for before its worker begins."""
    events: list[tuple[float, AnyEvent]] = [
        (0.0, Started()),
        (100.0, Finished(why="stopped")),
        (86400.0, Phase(what="job", detail="The Job waits for a T4.")),
        (86500.0, Phase(what="job", detail="The machine is made ready.")),
        (86600.0, Started(attempt=2)),
        (86610.0, Finished(why="done")),
    ]
    moved = [event.model_copy(update={"time": 1.7e9 + moment}) for moment, event in events]
    assert [History.of(moved[:count]).seconds for count in range(1, 7)] == [0.0, 100.0, 100.0, 100.0, 100.0, 110.0]
