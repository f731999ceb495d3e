import re

import pytest

from grpo_space.paths import PROJECT
from grpo_space.planning.doctor import pins
from grpo_space.planning.gpus import lacks

FILES = ["requirements.txt", "requirements-cpu.txt"]
SEVERAL = "requirements-multi-gpu.txt"
EXACT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[a-z,]+])?==[0-9][A-Za-z0-9.+!]*( *;.*)?( +#.*)?")


def lines(name: str) -> list[str]:
    text = (PROJECT / name).read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith(("#", "--"))]


@pytest.mark.parametrize("name", [*FILES, SEVERAL])
def test_every_package_is_pinned_exactly_and_once(name: str) -> None:
    assert [line for line in lines(name) if not EXACT.fullmatch(line)] == []
    assert len(lines(name)) == len(pins(PROJECT / name))


def test_both_files_pin_the_same_versions() -> None:
    """Only torch differs: the GPU's is the one that its vLLM was built for."""
    gpu, cpu = (pins(PROJECT / name) for name in FILES)
    different = {name for name in gpu.keys() & cpu.keys() if gpu[name] != cpu[name]}
    assert different <= {"torch"}
    assert {"trl", "transformers", "peft", "datasets", "pydantic", "gradio"} <= gpu.keys() & cpu.keys()


def test_what_runs_here_is_what_is_pinned() -> None:
    from importlib.metadata import version

    found = {name: version(name).partition("+")[0] for name in pins(PROJECT / "requirements-cpu.txt")}
    assert found == pins(PROJECT / "requirements-cpu.txt")


def test_several_gpus_get_what_they_need_and_no_page() -> None:
    """The app has an environment of its own. What reads and grades is the same in both."""
    several, app = (pins(PROJECT / name) for name in (SEVERAL, "requirements.txt"))
    assert lacks(several) == ""
    assert lacks(app) != ""
    assert not several.keys() & {"gradio", "unsloth", "unsloth_zoo", "bitsandbytes"}
    for name in ("math-verify", "peft", "accelerate", "pydantic", "pyyaml", "pyarrow", "scipy"):
        assert several[name] == app[name], name
