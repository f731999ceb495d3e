"""Instructions are obeyed or broken by counting alone, whatever a model wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.config import ColumnsSection
from grpo_space.tasks import suite
from grpo_space.tasks.instructions import INSTRUCTIONS, RULES, problem
from grpo_space.tasks.problems import Row

CASES = [
    ("capitals", "", "THE SEA IS DEEP.", "The SEA IS DEEP."),
    ("small letters", "", "the sea is deep.", "the Sea is deep."),
    ("lines", "3", "one\n\ntwo\nthree\n", "one\ntwo"),
    ("words", "4", "The sea isn't calm.", "The sea is not calm."),
    ("no comma", "", "The sea is deep and wide and cold and never still.",
     "The sea, deep and wide, is never still and never calm."),
    ("no comma", "", "One two three four five six seven eight nine ten", "Too short."),
    ("begins", "Well", "Well, the sea is deep.", "Wellington is by the sea."),
    ("ends", "Today", "The sea is calm Today.", "Today the sea is calm."),
    ("list", "2", "- salt\n- water", "Here it is:\n- salt\n- water"),
    ("quotes", "", '"The sea is deep."', '"The sea" is deep.'),
    ("json", "answer", '{"answer": "deep"}', '```json\n{"answer": "deep"}\n```'),
    ("json", "text", '{"text": [1, 2]}', '{"text": 1, "more": 2}'),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "value", "obeys", "breaks"), CASES)
def test_a_rule_is_obeyed_or_broken(rule: str, value: str, obeys: str, breaks: str) -> None:
    row = problem("Write about the sea.", rule, value)
    good, tagged, bad, empty = INSTRUCTIONS.verify(
        [obeys, f"<reasoning>\nx\n</reasoning>\n<answer>\n{obeys}\n</answer>", breaks, " \n"], [row] * 4
    )
    assert (good.correct, good.strict, good.score, bad.correct, empty.correct) == (True, True, 1.0, False, False)
    assert tagged.correct == (rule in ("no comma", "small letters")), "tags are more than was asked for"
    assert rule in bad.reason
    assert empty.reason == "nothing was written"


def test_every_rule_is_tried() -> None:
    assert {rule for rule, *_ in CASES} == set(RULES) == {row.kind for row in suite.made("instructions", 7, len(RULES))}


def test_its_own_examples_obey() -> None:
    for example in (INSTRUCTIONS.example, *INSTRUCTIONS.more_examples):
        said = example.question.split(". ", 1)[1]
        fits = [(rule, str(v)) for rule, (words, values, _) in RULES.items() for v in values if words.format(v) == said]
        [(rule, value)] = fits
        [verdict] = INSTRUCTIONS.verify([example.answer], [problem(example.question, rule, value)])
        assert verdict.correct, example


@given(st.text(), st.sampled_from(suite.made("instructions", 1, 40)))
def test_nothing_that_a_model_writes_breaks_it(text: str, row: Row) -> None:
    [verdict] = INSTRUCTIONS.verify([text], [row])
    assert verdict.score == float(verdict.correct)


def test_a_row_of_a_file_says_what_it_lacks() -> None:
    columns = INSTRUCTIONS.find([{"question": "Write.", "rule": "lines", "value": "2"}], ColumnsSection())
    assert columns is not None
    assert INSTRUCTIONS.find([{"question": "Write.", "answer": "2"}], ColumnsSection()) is None
    with pytest.raises(ValueError, match="has the rule 'rhyme'; known are capitals"):
        INSTRUCTIONS.read({"question": "Write.", "rule": "rhyme"}, columns)
    with pytest.raises(ValueError, match="has no number from 1 to 99 for the rule lines"):
        INSTRUCTIONS.read({"question": "Write.", "rule": "lines", "value": "many"}, columns)
