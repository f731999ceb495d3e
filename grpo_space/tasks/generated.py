"""Problems without end, made by a program: Countdown, arithmetic stories, and tasks of reasoning_gym by their names."""

import importlib.metadata
import itertools
import random
from collections.abc import Iterator
from typing import Any

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.formatting import suggestion
from grpo_space.tasks import countdown, stories
from grpo_space.tasks.data_faults import same
from grpo_space.tasks.problems import Row

SEED = 20_261_126
"""The same problems for everybody, whatever a run's seed: so evaluations of several runs can be compared."""
GYM = "reasoning_gym:"
GYM_VERSION = "0.1.25"
"""Of reasoning_gym, for problems that anybody can make again from a seed: another one may make others."""
PUZZLES = ("count_bits", "gcd", "leg_counting", "letter_counting", "number_sequence")
"""Its tasks among the fresh problems: easy ones, whose answer is one whole number."""
MOST = 100_000
"""The most problems that are made for a run; it meets them again after that."""
MOST_KNOWN = 2_000
"""So many known problems in a row, and there are no more of that difficulty."""
EXACT = ("chain_sum", "products")
"""Tasks of reasoning_gym that score by themselves, but whose answer is one whole number: the grader compares it."""


def generated(config: RunConfig) -> tuple[list[Row], list[Row]]:
    """Problems to train on, new ones for each step, and others to evaluate on: the first ones, whatever the run's
    length.

    Raises:
        UserError: where there is no such generator, or it has too few problems of this difficulty.
    """
    prompts = config.grpo.completions_per_step // config.grpo.num_generations * config.grpo.max_steps
    held_out = config.evaluation.problems
    wanted = held_out + config.evaluation.probe_problems + min(MOST, prompts)
    made = list(itertools.islice(different(endless(config)), wanted))
    if len(made) < 3:
        raise UserError(f"data.difficulty: {config.data.difficulty} has only {len(made)} different problems: take more")
    held_out = held_out if len(made) == wanted else min(held_out, len(made) // 3)
    return made[held_out:], made[:held_out]


def fresh(seed: int, level: int, count: int) -> list[Row]:
    """The first arithmetic stories of a seed and level, each once: the same for everybody who names both."""
    return list(itertools.islice(different(stories.stories(seed, level)), count))


def puzzles(seed: int, count: int) -> list[Row]:
    """The first puzzles of a seed, of each task in its turn: the same for everybody who has it.

    Raises:
        UserError: where reasoning_gym is not installed, or in another version.
    """
    each = [_gym(name, 1, seed) for name in PUZZLES]
    if (version := importlib.metadata.version("reasoning-gym")) != GYM_VERSION:
        how = f"pip install reasoning-gym=={GYM_VERSION}"
        raise UserError(f"reasoning_gym {version} is installed here, and may make other problems of a seed: {how}")
    in_turn = itertools.chain.from_iterable(zip(*each, strict=True))
    return list(itertools.islice(different(in_turn), count))


def different(rows: Iterator[Row]) -> Iterator[Row]:
    """Problems of a generator, each once."""
    known: set[str] = set()
    repeated = 0
    for row in rows:
        if (key := same(row)) not in known:
            known.add(key)
            repeated = 0
            yield row
        elif (repeated := repeated + 1) == MOST_KNOWN:
            return


def endless(config: RunConfig) -> Iterator[Row]:
    """What a config's generator makes, repetitions among it."""
    name, difficulty = config.data.generate or "", config.data.difficulty
    if name.startswith(GYM):
        return _gym(name.removeprefix(GYM), difficulty, SEED)
    if name == "stories":
        if difficulty not in stories.LEVELS:
            raise UserError(f"data.difficulty: {difficulty}: stories have the levels 1, 2 and 3")
        return stories.stories(SEED, difficulty)
    if name != "countdown":
        more = f", or {GYM}NAME"
        raise UserError(f"data.generate: {name!r} is none; {suggestion(name, ['countdown', 'stories'], more=more)}")
    draw = random.Random(f"{SEED}, countdown, {difficulty}")
    return (countdown.drawn(draw, difficulty + 1) for _ in itertools.count())


def _gym(name: str, difficulty: int, seed: int) -> Iterator[Row]:
    """A task of reasoning_gym, where its answer is the only right one. Its own scorers are never called: some evaluate
    an answer as Python.
    """
    try:
        import reasoning_gym  # noqa: PLC0415 - only who names one of its tasks needs it
        from reasoning_gym.dataset import ProceduralDataset  # noqa: PLC0415
    except ImportError as error:
        how = "pip install reasoning-gym, or take data.generate=countdown"
        raise UserError(f"data.generate: reasoning_gym is not installed here ({error}): {how}") from None
    factory: Any = reasoning_gym.factory
    if name not in factory.DATASETS:
        raise UserError(f"data.generate: {GYM}{name} is none; {suggestion(name, sorted(factory.DATASETS))}")
    if factory.DATASETS[name][0].score_answer is not ProceduralDataset.score_answer and name not in EXACT:
        raise UserError(
            f"data.generate: {GYM}{name}: several answers may be right, and its scorer is a program that is not run "
            "here: take a task with one right answer, such as gcd"
        )
    settings = {"seed": seed, "size": 10**9}
    if factory.has_curriculum(name):
        curriculum = factory.create_curriculum(name)
        curriculum.set_global_level(difficulty - 1)
        made = factory.DATASETS[name][0](curriculum.generate_configuration(settings))
    else:
        made = factory.create_dataset(name, **settings)
    each = (made[index] for index in itertools.count())
    return (Row(one["question"], str(one["answer"]), name) for one in each)
