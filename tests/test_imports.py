"""Who imports whom: the directions between the rooms, and no cycle between files. Read off the source with `ast`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from grpo_space.paths import PROJECT

PACKAGE = PROJECT / "grpo_space"
BELOW = {
    "grading": set(),
    "base": {"grading"},
    "tasks": {"grading", "base"},
    "runs": {"grading", "base", "tasks"},
    "planning": {"grading", "base", "tasks", "runs"},
    "jobs": {"grading", "base", "tasks", "runs", "planning"},
    "results": {"grading", "base", "tasks", "runs"},
    "publishing": {"grading", "base", "tasks", "runs", "planning", "results"},
    "cli": {"grading", "base", "tasks", "runs", "planning", "jobs", "results", "publishing"},
    "ui": {"grading", "base", "tasks", "runs", "planning", "jobs", "results", "publishing"},
    "worker": {"grading", "base", "tasks", "runs", "planning"},
}
"""The rooms that each room may import, besides itself."""
TABS = {"preset", "train", "runs", "compare", "publish"}
"""Folders of the page's tabs: none imports another, and what follows a run (`live`) imports none of them."""


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(PROJECT).with_suffix("").parts)


FILES = {module_of(file): file for file in sorted(PACKAGE.rglob("*.py")) if file.name != "__init__.py"}


def imports(source: str, lazy: bool = True) -> Iterator[str]:
    """The modules of this package that a file imports; without `lazy` only those it needs to be imported itself."""
    tree = ast.parse(source)
    for node in ast.walk(tree) if lazy else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in FILES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            yield from (name for name in names if name in FILES)


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[1] in BELOW else "base"


def wrong_directions(module: str, source: str) -> list[str]:
    room = room_of(module)
    allowed = BELOW[room] | {room} | ({"cli"} if module == "grpo_space.__main__" else set())
    wrong = []
    for other in imports(source):
        tab, others_tab = (name.split(".")[2] if room_of(name) == "ui" else "" for name in (module, other))
        crosses = others_tab in TABS and tab in TABS | {"live"} and tab != others_tab
        if room_of(other) not in allowed or crosses:
            wrong.append(f"{module} imports {other}")
    return wrong


@pytest.mark.parametrize("module", FILES)
def test_a_room_imports_only_what_is_below_it(module: str) -> None:
    assert wrong_directions(module, FILES[module].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("grpo_space.grading.answers", "from grpo_space import config"),
        ("grpo_space.config", "from grpo_space.runs.run import Run"),
        ("grpo_space.runs.history", "from grpo_space.planning import estimate"),
        ("grpo_space.planning.memory", "from grpo_space.results import statistics"),
        ("grpo_space.runs.launch", "from grpo_space.jobs import follower"),
        ("grpo_space.jobs.follower", "from grpo_space.results import summary"),
        ("grpo_space.worker.train", "from grpo_space.jobs import bootstrap"),
        ("grpo_space.worker.train", "from grpo_space.results.comparison import of"),
        ("grpo_space.ui.app", "from grpo_space.worker import train"),
        ("grpo_space.cli.main", "import grpo_space.ui.app"),
        ("grpo_space.ui.compare.tab", "from grpo_space.ui.train import tab"),
        ("grpo_space.ui.live.follower", "from grpo_space.ui.compare import evidence"),
        ("grpo_space.rules", "def late():\n    from grpo_space.cli.main import main"),
    ],
)
def test_a_wrong_direction_is_found(module: str, line: str) -> None:
    assert len(wrong_directions(module, line)) == 1


def test_config_holds_models_alone_and_rules_stand_on_it() -> None:
    read = {name: set(imports(FILES[f"grpo_space.{name}"].read_text())) for name in ("config", "rules", "config_io")}
    assert not {"grpo_space.rules", "grpo_space.config_io"} & read["config"]
    assert "grpo_space.config" in read["rules"]
    assert "grpo_space.config_io" not in read["rules"]
    assert {"grpo_space.config", "grpo_space.rules"} <= read["config_io"]


def test_no_file_imports_itself_by_way_of_others() -> None:
    needs = {name: set(imports(file.read_text(encoding="utf-8"), lazy=False)) for name, file in FILES.items()}
    while leaves := {name for name, others in needs.items() if not others & needs.keys()}:
        needs = {name: others for name, others in needs.items() if name not in leaves}
    assert needs == {}, f"a cycle: {sorted(needs)}"


def test_only_the_base_lies_flat() -> None:
    base = {
        "__init__", "__main__", "config", "config_io", "errors", "foreign", "formatting", "hub", "hub_upload",
        "imports", "paired_test", "paths", "presets", "rules", "whole_file",
    }  # fmt: skip
    assert {file.stem for file in PACKAGE.glob("*.py")} == base
