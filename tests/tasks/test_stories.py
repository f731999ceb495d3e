"""Fresh problems: the same for everybody who has the seed, right by another reckoning, and never a training row."""

import json
import re
from collections.abc import Callable
from fractions import Fraction
from itertools import islice
from pathlib import Path

import pytest

from grpo_space.cli.main import main
from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.tasks import dataset, suite
from grpo_space.tasks.data_faults import same
from grpo_space.tasks.problems import Row
from grpo_space.tasks.reading import read_file
from grpo_space.tasks.stories import LARGEST, LEVELS, stories


@pytest.mark.parametrize("level", LEVELS)
def test_a_seed_gives_the_same_problems_and_another_seed_others(level: int) -> None:
    first, again, other = (suite.made(f"fresh-{level}", seed, 200) for seed in (7, 7, 8))
    assert first == again
    assert len({same(row) for row in [*first, *other]}) > 395
    assert all(1 <= int(row.gold) <= LARGEST[level] for row in first)
    shapes = {re.sub(r"\d+|[A-Z][a-z]+", "", row.question) for row in islice(stories(1, level), 500)}
    assert len(shapes) > 400, "a few types of problem, filled in again and again"


def test_anyone_prints_the_same_ones(capsys: pytest.CaptureFixture[str]) -> None:
    for name in (name for name in suite.MADE if name != suite.PUZZLES):  # whose package is not installed here
        assert main(["problems", name, "--seed", "7", "--count", "30"]) == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [line["question"] for line in lines] == [row.question for row in suite.made(name, 7, 30)]


def test_what_is_printed_is_a_file_of_the_same_problems(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "made.jsonl"
    for name in ("fresh-2", "instructions"):
        main(["problems", name, "--seed", "3", "--count", "20"])
        file.write_text(capsys.readouterr().out)
        read, made = read_file(file), suite.made(name, 3, 20)
        assert [(row.question, row.gold, row.task) for row in read] == [(r.question, r.gold, r.task) for r in made]


# What each sentence of level 3 says: whose heap follows from whose, and how.
Fact = tuple[str, Callable[[Fraction], Fraction], str]
SAID: tuple[tuple[str, Callable[[tuple[str, ...]], Fact]], ...] = (
    (r"(\w+) has (\d+) times as many \w+ as (\w+)\.", lambda n: (n[2], lambda x: x * int(n[1]), n[0])),
    (r"For every one of (\w+)'s \w+ (\w+) has (\d+)\.", lambda n: (n[0], lambda x: x * int(n[2]), n[1])),
    (r"(\w+) has (\d+) more \w+ than (\w+)\.", lambda n: (n[2], lambda x: x + int(n[1]), n[0])),
    (r"(\w+) has (\d+) fewer \w+ than (\w+)\.", lambda n: (n[2], lambda x: x - int(n[1]), n[0])),
    (r"(\w+) has half as many \w+ as (\w+)\.", lambda n: (n[1], lambda x: x / 2, n[0])),
    (r"(\w+) has twice as many \w+ as (\w+)\.", lambda n: (n[1], lambda x: x * 2, n[0])),
    (r"(\w+) has (\d+) % more \w+ than (\w+)\.", lambda n: (n[2], lambda x: x * (100 + int(n[1])) / 100, n[0])),
    (
        r"(\w+) has (\d+) more than (\d+) times as many \w+ as (\w+)\.",
        lambda n: (n[3], lambda x: x * int(n[2]) + int(n[1]), n[0]),
    ),
)


def solve(question: str) -> int:
    """The answer to a story of level 3, from its sentences alone, in whatever order they come."""
    start = r"(?:^|(?<=\. ))"
    heaps = {name: Fraction(n) for name, n in re.findall(rf"{start}(\w+) has (\d+) [a-z]+\.", question)}
    facts: list[Fact] = []
    for pattern, meant in SAID:
        facts += [meant(found) for found in re.findall(start + pattern, question)]
    known = True
    while known:
        known = False
        for source, way, target in facts:
            if source in heaps and target not in heaps:
                heaps[target], known = way(heaps[source]), True
            elif target in heaps and source not in heaps:  # told the other way round: the inverse, by two points
                zero, step = way(Fraction(0)), way(Fraction(1)) - way(Fraction(0))
                heaps[source], known = (heaps[target] - zero) / step, True
    if asked := re.search(r"How many (?:more|fewer) \w+ does (\w+) have than (\w+)\?", question):
        return int(abs(heaps[asked[1]] - heaps[asked[2]]))
    price = re.search(r"Sold for \$(\d+) each", question)
    return int(sum(heaps.values()) * (int(price[1]) if price else 1))


def test_the_stories_of_level_3_are_right_by_what_they_say() -> None:
    for row in islice(stories(11, 3), 300):
        assert solve(row.question) == int(row.gold), row.question


HAND = {
    "Rosa bought 43 cards. Then Rosa buys 6 more cards. Rosa gets 5 cards from Pablo. Then 2 children share the cards "
    "equally. How many does each get?": (43 + 6 + 5) // 2,
    "Tom made 2 marbles a day for 9 days. Hugo takes half of the marbles. Each of them costs $5. How much money is "
    "that?": 2 * 9 // 2 * 5,
    "Max bought 40 shells. Then Max sells 19 shells. Then Max buys 26 more shells. How many shells does Max have "
    "then?": 40 - 19 + 26,
    "Ella got 15 stamps from Wanda and 6 from a friend. Wanda gets a third of them from Ella. After a week Ella has 4 "
    "times as many. Ella also buys 9 boxes with 14 stamps in each. A box holds 5 stamps. How many boxes does Ella need "
    "for all of them?": -(-(21 * 2 // 3 * 4 + 9 * 14) // 5),
    "There are 65 nuts in Omar's bag. After a week Omar has 2 times as many. Omar also buys 4 boxes with 24 nuts in "
    "each. Hugo takes half of the nuts. Omar sells all of them for $4 each. How much money does Omar get?": (
        (65 * 2 + 4 * 24) // 2 * 4
    ),
}


def test_some_stories_are_right_by_hand() -> None:
    told = {row.question: int(row.gold) for level in (1, 2) for row in suite.made(f"fresh-{level}", 7, 7)}
    found = {question: answer for question, answer in HAND.items() if question in told}
    assert len(found) >= 4, list(told)
    assert {question: told[question] for question in found} == found


def test_no_fresh_problem_is_one_that_was_trained_on() -> None:
    fresh = suite.made("fresh-1", 7, 50)
    spread = [Row(row.question.upper().replace(" ", "  "), row.gold) for row in fresh[:10]]
    assert suite.unseen(fresh, spread) == fresh[10:]


def test_a_run_can_train_on_them_and_its_fresh_ones_are_others() -> None:
    config = override(read_preset("tiny").run, ["data={generate: stories, difficulty: 1}", "evaluation.problems=50"])
    rows = dataset.load(config)
    assert len(rows.test) == 50
    assert len(rows.train) >= 80
    trained = {same(row) for row in rows.train}
    assert not trained & {same(row) for row in suite.unseen(suite.made("fresh-1", 7, 300), rows.train)}
    with pytest.raises(UserError, match=r"data.difficulty: 4: stories have the levels 1, 2 and 3"):
        dataset.load(config.changed(data={"difficulty": 4}))
