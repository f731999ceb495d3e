"""The suite of a benchmark: on which sets of problems base and tuned are compared, and where each comes from."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from grpo_space.config import GSM8K, DataSection, RunConfig, TaskName
from grpo_space.tasks import code_sandbox, instructions
from grpo_space.tasks.data_faults import same
from grpo_space.tasks.dataset import by_hash, read_hub
from grpo_space.tasks.generated import GYM_VERSION, fresh, puzzles
from grpo_space.tasks.kinds import TASKS
from grpo_space.tasks.problems import Row

HELD_OUT, PUZZLES = "held-out", "puzzles"
QUICK_PROMPTS = 100
"""Held-out problems on which a quick suite tries better prompts for the base: worked examples make them long."""


@dataclass(frozen=True)
class ProblemSet:
    """Problems of one sort, with a verdict of their own."""

    name: str
    title: str
    task: TaskName = "number"
    quick: int = 0
    """Number of problems in the quick suite; 0: it leaves them out."""
    full: int = 0
    """Number of problems in the full suite, or the most that there are."""
    level: int = 0
    """Of fresh problems."""
    hub: DataSection | None = None
    """Of problems on the Hub: the dataset, and its split to test on."""
    benchmark: str = ""
    """The name that the Hub's own list of benchmarks has for the whole of it; empty: it lists none."""


SETS = (
    ProblemSet(HELD_OUT, "the run's held-out problems"),
    *(ProblemSet(f"fresh-{n}", f"fresh problems, level {n}", quick=100, full=300, level=n) for n in (1, 2, 3)),
    ProblemSet("instructions", "simple instructions", "instructions", quick=60, full=240),
    ProblemSet(PUZZLES, f"fresh puzzles of reasoning_gym {GYM_VERSION}", full=300),
    ProblemSet("gsm8k-test", "GSM8K's test", full=1319, hub=GSM8K, benchmark="gsm8k"),
    ProblemSet("math-500", "MATH-500", full=500, hub=DataSection(id="HuggingFaceH4/MATH-500", test_split="test")),
    ProblemSet("arc-challenge", "ARC-Challenge", "choice", full=1172,
               hub=DataSection(id="allenai/ai2_arc", name="ARC-Challenge", test_split="test", task="choice")),
    ProblemSet("mbpp", "MBPP", "code", full=500,
               hub=DataSection(id="google-research-datasets/mbpp", name="full", test_split="test", task="code")),
)  # fmt: skip
NAMES = {each.name: each for each in SETS}
MADE = [each.name for each in SETS if each.level or each.task == "instructions" or each.name == PUZZLES]
"""The sets that are made from a seed."""


def sets_of(suite: Literal["quick", "full"]) -> list[ProblemSet]:
    """The sets of a suite, in their order."""
    return [each for each in SETS if each.name == HELD_OUT or count_in(each, suite)]


def count_in(
    each: ProblemSet, suite: Literal["quick", "full"], limit: int | None = None, held_out: int = 100_000
) -> int:
    """How many problems a set has in a suite, at most. `limit`: so many are enough; `held_out`: how many the run holds
    out.
    """
    count = held_out if each.name == HELD_OUT else each.quick if suite == "quick" else each.full
    return min(count, limit or count)


def made(name: str, seed: int, count: int) -> list[Row]:
    """The first problems of a set that is made from a seed: the same for everybody.

    Raises:
        UserError: where what makes them is not installed.
    """
    if name == "instructions":
        return list(itertools.islice(instructions.drawn(seed), count))
    if name == PUZZLES:
        return puzzles(seed, count)
    return fresh(seed, NAMES[name].level, count)


def read(each: ProblemSet, config: RunConfig, count: int, token: str | None, commit: str) -> tuple[list[Row], str]:
    """The problems of a set on the Hub, and the dataset's commit. `commit`: the one to take, where it is known.

    Raises:
        UserError: where they cannot be had, or their answers cannot be proved right here.
    """
    assert each.hub is not None
    assert each.hub.test_split is not None
    if each.task == "code":
        code_sandbox.check(anywhere=False)
    revision = commit or (config.data.revision if config.data.id == each.hub.id else None)
    data = each.hub.model_copy(update={"revision": revision})
    found, commit = read_hub(config.model_copy(update={"data": data}), each.hub.test_split, token)
    return by_hash(found.rows)[:count], commit


def unseen(rows: Sequence[Row], trained_on: Sequence[Row]) -> list[Row]:
    """The problems less those that were trained on."""
    known = {same(row) for row in trained_on}
    return [row for row in rows if same(row) not in known]


def asked_by(each: ProblemSet, config: RunConfig, task: TaskName) -> RunConfig:
    """The run's config for a set: its system prompt where the set is of the run's `task`, else that of the set's own
    kind, where the run has one at all. Instructions stand alone, since what a system prompt asks for would break them.
    """
    prompt = config.data.system_prompt
    if each.name != HELD_OUT and each.task != task:
        prompt = TASKS[each.task].system_prompt if prompt and each.task != "instructions" else None
    return config.changed(data={"system_prompt": prompt})
