import os
import signal
import site
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grpo_space.paths import PROJECT
from grpo_space.tasks.sandbox.layers import LAYERS, SYSTEM_CALLS
from grpo_space.tasks.sandbox.sandbox import Job, Sandbox, Verdict
from tests.support.processes import descendants, wait_for


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


def one(sandbox: Sandbox, program: str, *tests: str, setup: str = "", names: tuple[str, ...] = ("f",)) -> list[Verdict]:
    [verdicts] = sandbox.run([Job(program, tests, names, setup)])
    return verdicts


def test_each_test_has_its_verdict_and_why_it_failed(sandbox: Sandbox) -> None:
    program = "def f(x):\n    return 6 // x"
    assert one(sandbox, program, "assert f(2) == 3", "assert f(4) == 2", "assert f(0) == 0", "assert f(x=3) == 2") == [
        Verdict(True),
        Verdict(False, "f(4) gave 1"),
        Verdict(False, "f(0) raised ZeroDivisionError: integer division or modulo by zero (line 2)"),
        Verdict(True),
    ]


def test_what_fails_before_the_first_call_is_named(sandbox: Sandbox) -> None:
    assert one(sandbox, "def f(x:", "assert f(2) == 3") == [
        Verdict(False, "f(2) raised SyntaxError: '(' was never closed (line 1)")
    ]
    assert one(sandbox, "def g(x): return 1", "assert f(2) == 3")[0].message == (
        "f(2) raised NameError: there is no f in the program"
    )
    assert one(sandbox, "import numpy\ndef f(x): return 1", "assert f(2) == 1")[0].message == (
        "f(2) raised ModuleNotFoundError: No module named 'numpy' (line 1)"
    )


def test_tests_are_ordinary_python(sandbox: Sandbox) -> None:
    program = (
        "def f(x):\n    if x < 0: raise ValueError('negative')\n    return (x, [float(x)])\ndef g(): return {1, 2}"
    )
    tests = (
        "assert not (f(1) != (1, [1.0]))",
        "assert math.isclose(f(2)[1][0], 2.0) and g() == {2, 1}",
        "try:\n    f(-1)\n    raise AssertionError\nexcept ValueError as error:\n    assert str(error)[:3] == 'neg'",
        "for i in range(50):\n    assert f(i)[0] == i",
    )
    assert one(sandbox, program, *tests, setup="import math", names=("f", "g")) == [Verdict(True)] * 4


def test_tests_that_are_at_fault_themselves_pass_nothing(sandbox: Sandbox) -> None:
    assert one(sandbox, "def f(x): return 1", "assert f(1) == 1", setup="import nowhere") == [
        Verdict(False, "before the tests: ModuleNotFoundError: No module named 'nowhere'")
    ]
    endless = one(sandbox, "def f(x): return 1", "while True: pass", "assert f(1) == 1")
    assert not any(verdict.passed for verdict in endless)
    assert one(sandbox, "def f(x): return 1", "import os; os._exit(0)") == [Verdict(False, "the tests ended early")]


def test_a_program_keeps_its_state_from_call_to_call_and_none_for_the_next(sandbox: Sandbox) -> None:
    program = "import math\nseen = []\ndef f(x):\n    seen.append(x)\n    math.pi = 3\n    return len(seen)"
    assert one(sandbox, program, "assert f(1) == 1", "assert f(1) == 2") == [Verdict(True)] * 2
    assert one(sandbox, "import math\ndef f(x): return math.pi", "assert f(1) > 3.14") == [Verdict(True)]


def test_chance_is_the_same_each_time(sandbox: Sandbox) -> None:
    program = "import random\ndef f(x): return [random.random(), hash('text'), list(map(str, {'a', 'b', 'c'}))]"
    said = {one(sandbox, program, "assert f(1) is None")[0].message for _ in range(3)}
    assert len(said) == 1


def test_16_programs_with_3_tests_take_less_than_2_seconds(sandbox: Sandbox) -> None:
    program = "import re, math, collections\ndef f(x): return sorted(collections.Counter(re.findall('.', x)).items())"
    tests = tuple(
        f"assert f({text!r}) == {sorted({c: text.count(c) for c in text}.items())!r}" for text in ("ab", "aba", "")
    )
    took = []
    for _ in range(3):  # others may have the machine for a while
        started = time.monotonic()
        outcomes = sandbox.run([Job(program, tests, ("f",))] * 16)
        took.append(time.monotonic() - started)
        assert outcomes == [[Verdict(True)] * 3] * 16
    assert min(took) < 2.0


def test_text_that_is_no_text_does_no_harm(sandbox: Sandbox) -> None:
    for program in ("\ud800", "x = '\0'", "", "# -*- coding: rot13 -*-\ndef f(k): return 1"):
        assert one(sandbox, program, "assert f(1) == 2")[0].passed is False
    assert one(sandbox, "def f(x): return chr(0xD800) + '\\u2028<b>'", "assert f(1) == '\\ud800\\u2028<b>'") == [
        Verdict(True)
    ]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_it_works_for_a_user_without_rights_too() -> None:
    """As in a Space's container, whose user is 1000."""
    found = Path(sys.executable).resolve()
    everybody = all(folder.stat().st_mode & 0o001 for folder in (found, *found.parents))
    script = (
        "from grpo_space.tasks.sandbox.sandbox import Job, Sandbox\n"
        "program = 'def f(x): return x\\ndef g(x): return open(x).read()'\n"
        "job = Job(program, ('assert f(1) == 1', 'assert g(\"/etc/passwd\")'), ('f', 'g'))\n"
        "with Sandbox() as made: print(made.isolates, [verdict.passed for verdict in made.run([job])[0]])"
    )
    done = subprocess.run(
        [found if everybody else "/usr/bin/python3", "-c", script],
        env={"PYTHONPATH": os.pathsep.join([str(PROJECT), *site.getsitepackages()])},
        user=1000, group=1000, extra_groups=[], capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip
    assert done.stdout == "True [True, False]\n", done.stderr


@pytest.mark.parametrize("layers", [LAYERS, (SYSTEM_CALLS,)], ids="+".join)
def test_its_end_is_the_end_of_all_that_runs_in_it(layers: tuple[str, ...]) -> None:
    script = (
        "from grpo_space.tasks.sandbox.sandbox import Job, Sandbox\n"
        f"sandbox = Sandbox({layers})\nprint('up', flush=True)\n"
        "sandbox.run([Job('import time\\ntime.sleep(100)', ('f()',), ('f',))])"
    )
    owner = subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT, stdout=subprocess.PIPE)
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        wait_for(lambda: len(descendants(owner.pid)) >= 4)  # the forkserver, a supervisor, the program, its tests
        left = descendants(owner.pid)
        owner.send_signal(signal.SIGKILL)
    wait_for(
        lambda: not any(Path(f"/proc/{process}").exists() for process in left), what="a process outlived its sandbox"
    )


def test_a_sandbox_that_was_killed_starts_again() -> None:
    with Sandbox() as made:
        for process in descendants(os.getpid()) & {made._process.pid}:
            os.kill(process, signal.SIGKILL)
        made._process.wait()
        assert one(made, "def f(x): return 1", "assert f(1) == 1") == [Verdict(True)]
