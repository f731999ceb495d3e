"""A vLLM that cannot be imported, or that takes the process with it: the run resumes without. On stand-in packages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.runs.events import Alarm, Chosen, Failed, Fallback, Phase, Started
from grpo_space.runs.run import create_run, find_run
from grpo_space.worker import recovery
from tests.support.processes import ROOT, SMALL, Cli

STANDINS = ROOT / "tests/support/standins"
KEPT_SETTINGS = [*SMALL[1::2], "engine=unsloth", "rollout=generate", "grpo.max_steps=1"]


@pytest.fixture
def standins(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("PATH", f"{STANDINS}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", f"{STANDINS}:{ROOT}")
    return monkeypatch


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("unimportable", "vLLM failed: ImportError: libcudart.so.12: cannot open shared object file."),
        ("dies", "vLLM failed: The worker crashed (SIGABRT): worker.log holds its last words."),
    ],
)
def test_the_run_goes_on_with_plain_generation(
    standins: pytest.MonkeyPatch, cli: Cli, tmp_path: Path, how: str, words: str
) -> None:
    standins.setenv("STANDIN_VLLM", how)
    folder = tmp_path / "run"
    done = cli("train", "tiny", *SMALL, "--set", "grpo.max_steps=2", "--run-dir", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert words in done.stdout
    assert recovery.COST in done.stdout
    run = find_run(str(folder))
    events = run.log.read()[0]
    assert [(e.engine, e.rollout) for e in events if isinstance(e, Chosen)] == [
        ("unsloth", "vllm"), ("unsloth", "generate"),
    ]  # fmt: skip
    assert [e.attempt for e in events if isinstance(e, Started)] == [1, 2]
    assert sum(isinstance(e, Failed) for e in events) == (how == "unimportable")
    [fallback] = [e for e in events if isinstance(e, Fallback) and e.cause == "vllm"]
    assert fallback.step == 0
    history = run.history()
    assert run.status(history) == "done"
    assert history.loaded is not None
    assert history.loaded.engine == "unsloth, generate"
    assert history.base is not None
    assert history.tuned is not None
    assert history.step == 2


KEPT = """
import sys
from pathlib import Path
from grpo_space.planning.hardware import gpu
from grpo_space.runs.run import Run
from grpo_space.worker import compiled
from grpo_space.worker.engines.choice import Choice
kernels = compiled.of(Run(Path(sys.argv[1])).config, Choice("unsloth", "generate", ""), gpu())
triton = Path(kernels.prepare()["TRITON_CACHE_DIR"])
kernels.ended("load", 30.0)
triton.mkdir()
(triton / "damaged").touch()
"""


def test_kernels_of_an_earlier_run_are_blamed_first(standins: pytest.MonkeyPatch, cli: Cli, tmp_path: Path) -> None:
    """One that is damaged costs a start, and nothing else of the run."""
    standins.setenv("STANDIN_VLLM", "unimportable")
    run = create_run(override(read_preset("tiny").run, KEPT_SETTINGS), tmp_path / "run")
    subprocess.run([sys.executable, "-c", KEPT, str(run.folder)], check=True, cwd=ROOT)
    done = cli("resume", str(run.folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "It failed with kernels that an earlier run compiled: they are thrown away" in done.stdout
    events = run.log.read()[0]
    assert [e.attempt for e in events if isinstance(e, Started)] == [1, 2]
    assert not any(isinstance(e, Fallback) for e in events)
    assert [e.name for e in events if isinstance(e, Alarm)] == ["kernels"]
    load = [e for e in events if isinstance(e, Phase) and e.what == "load"]
    assert [e.expected_seconds for e in load] == [60.0, 30.0]  # warm it was never measured, cold it took 30 s
    assert run.history().step == 1


def test_a_run_without_it_never_imports_it(monkeypatch: pytest.MonkeyPatch, cli: Cli, tmp_path: Path) -> None:
    """TRL imports vLLM wherever it is installed: on a CPU a broken one must not matter."""
    monkeypatch.setenv("PYTHONPATH", f"{STANDINS}:{ROOT}")
    monkeypatch.setenv("STANDIN_VLLM", "unimportable")
    folder = tmp_path / "run"
    done = cli("train", "tiny", *SMALL, "--set", "grpo.max_steps=1", "--run-dir", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    history = find_run(str(folder)).history()
    assert history.notices == []
    assert history.chosen is not None
    assert history.chosen.why == "There is no CUDA GPU: plain Transformers trains on the CPU."
