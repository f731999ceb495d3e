"""Multiple choice: options in an order of their own, one letter for an answer, and guessing beside the result."""

import json
from collections import Counter
from itertools import permutations
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.config import DataSection
from grpo_space.errors import UserError
from grpo_space.results.comparison import compare, counts_equations
from grpo_space.results.sentences import words
from grpo_space.runs.events import Answer, Evaluated
from grpo_space.tasks.choice import Choice
from grpo_space.tasks.entries import Entry
from grpo_space.tasks.kinds import task_of, verify
from grpo_space.tasks.problems import Row
from grpo_space.tasks.reading import problems_in

OPTIONS = ["Mars", "Venus", "Saturn", "Earth"]


def read(*records: dict[str, Any], **data: Any) -> list[Row]:
    found = problems_in((Entry("row", record) for record in records), DataSection.model_validate(data), "a")
    if found.wrong:
        raise UserError(*found.wrong)
    return found.rows


def planets(**changes: Any) -> Row:
    [row] = read({"question": "Which planet has rings?", "choices": OPTIONS, "answer": "Saturn", **changes})
    return row


def letter_of(row: Row, option: str) -> str:
    return next(line[0] for line in row.question.splitlines() if line[1:] == f") {option}")


def test_the_options_stand_below_the_question_with_letters() -> None:
    row = planets()
    asked, _, options = row.question.partition("\n\n")
    assert asked == "Which planet has rings?"
    assert [line[:3] for line in options.splitlines()] == ["A) ", "B) ", "C) ", "D) "]
    assert sorted(line[3:] for line in options.splitlines()) == sorted(OPTIONS)
    assert row.gold == f"{letter_of(row, 'Saturn')}) Saturn"
    assert task_of(row).guess(row) == 0.25


def test_the_order_is_the_problems_own_whatever_the_file_has() -> None:
    orders = [planets(choices=list(order)) for order in permutations(OPTIONS)]
    assert set(orders) == {planets()}


def test_no_place_is_right_more_often() -> None:
    """Though in the file the first option always is."""
    rows = read(*({"question": f"{n}?", "choices": [f"{n} a", f"{n} b", f"{n} c"], "answer": 0} for n in range(600)))
    counts = Counter(row.gold[0] for row in rows)
    assert set(counts) == set("ABC")
    assert max(counts.values()) < 240


def test_options_that_speak_of_their_places_keep_them() -> None:
    options = ["3", "5", "both A and B", "none of the above"]
    row = planets(choices=options, answer=2)
    assert row.question.endswith("A) 3\nB) 5\nC) both A and B\nD) none of the above")
    assert row.gold == "C) both A and B"


RIGHT = [
    "{R}",
    "({R})",
    "**{R}**",
    "{R}) Saturn",
    "The answer is {R}.",
    "\\boxed{{{R}}}",
    "Saturn",
    "The answer is Saturn.",
]
WRONG = [
    "{W}",
    "Mars",
    "{R} or {W}",
    "{R}, {W}",
    "Both {R} and {W}",
    "It is Saturn or Mars.",
    "",
    "I do not know.",
    "A, B, C, D",
]


@pytest.mark.parametrize("text", [*RIGHT, *WRONG])
@pytest.mark.parametrize("tagged", [False, True], ids=["plain", "in the format"])
def test_one_letter_or_the_options_words_are_right_and_several_letters_are_not(text: str, tagged: bool) -> None:
    row = planets()
    said = text.format(R=row.gold[0], W=letter_of(row, "Mars"))
    if tagged:
        said = f"<reasoning>\nMars has none, so it is {row.gold[0]} or not.\n</reasoning>\n<answer>\n{said}\n</answer>"
    [verdict] = verify([said], [row])
    assert verdict.correct == (text in RIGHT)
    assert verdict.strict == (text in RIGHT and tagged)
    assert verdict.score == float(verdict.correct)
    assert row.gold in verdict.reason or verdict.correct


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("{W}) Mars\n\nExplanation: {R} is wrong.", False),
        ("{W}) Mars\n{R}) Saturn", False),
        ("{R}\n{W}", False),
        ("{W}\n{R}", False),
        ("{W}) Mars\n{R}) Saturn\n\nMars has none.\n\n{R}) Saturn", True),
        ("<answer>The planet with rings is Saturn.</answer>", True),
        ("<answer>Saturn, because its rings are seen.</answer>", True),
        ("<answer>Saturn (Mars)</answer>", False),
        ("<answer>every planet except Saturn</answer>", False),
        ("<answer>both Saturn and the sun</answer>", False),
        ("It is far from Saturn to the sun.", False),
    ],
)
def test_an_option_alone_or_the_only_one_named_is_chosen(text: str, right: bool) -> None:
    row = planets()
    [verdict] = verify([text.format(R=row.gold[0], W=letter_of(row, "Mars"))], [row])
    assert verdict.correct == right


@pytest.mark.parametrize("end", ["", "."])
@pytest.mark.parametrize(
    "form",
    ["{L}) {words}", "({L}) {words}", "{L}: {words}", "{L}. {words}", "{L} - {words}", "{L} = {words}", "{L}, {words}",
     "**{L}** {words}", "**{L}) {words}**", "Option {L}: {words}", "{L} ({words})", "{words} ({L})",
     "\\text{{{L}) {words}}}"],
)  # fmt: skip
@pytest.mark.parametrize("around", ["<answer>{}</answer>", "The answer is {}", "\\boxed{{{}}}"])
def test_a_letter_with_the_words_of_another_option_chooses_neither(around: str, form: str, end: str) -> None:
    rows = [planets(choices=["Saturn", "Mars", "Venus"], answer=name) for name in ("Saturn", "Mars", "Venus")]
    for row in rows:
        for named in ("Saturn", "Mars", "Venus"):
            [verdict] = verify([around.format(form.format(L=row.gold[0], words=named) + end)], [row])
            assert verdict.correct == (named == row.gold[3:]), (row.gold, named)


@pytest.mark.parametrize(
    "text",
    ["The answer is {R}. {W} is wrong.", "{R}, because Mars has none.", "<answer>{R}) Saturn, not Mars</answer>"],
)
def test_a_letter_is_chosen_though_another_option_is_spoken_of(text: str) -> None:
    row = planets()
    [verdict] = verify([text.format(R=row.gold[0], W=letter_of(row, "Mars"))], [row])
    assert verdict.correct


@pytest.mark.parametrize(
    "text",
    ["{R}) Saturn\nThat cannot be it.", "{R}) Saturn\nMars seems right.", "{R}) Saturn\nMost people fall for this.",
     "Let us look.\n{R}) Saturn\nThis is wrong.\nSo it must be Mars."],
)  # fmt: skip
def test_an_option_that_the_text_leaves_behind_is_not_chosen(text: str) -> None:
    row = planets()
    [verdict] = verify([text.format(R=row.gold[0])], [row])
    assert not verdict.correct


@pytest.mark.parametrize(
    "text",
    ["non-{}", "un-{}", "no {}", "the opposite of a {}", "hardly a {}", "would stop the {}", "fails to be a {}",
     "what it lacks is {}", "The opposite is {}", "None of these has {}", "{}, which is wrong", "{}. That is false.",
     "{} (not)"],
)  # fmt: skip
def test_an_answer_that_contains_an_options_words_may_deny_them(text: str) -> None:
    words = "renewable resource"
    row = planets(choices=[words, "nonrenewable resource", "sun"], answer=words)
    [verdict, plain] = verify([f"<answer>{text.format(words)}</answer>", f"<answer>{words}</answer>"], [row] * 2)
    assert (verdict.correct, plain.correct) == (False, True)


def test_an_options_own_words_may_deny() -> None:
    row = planets(choices=["no planet", "Mars"], answer="no planet")
    assert verify(["<answer>The answer is no planet.</answer>"], [row])[0].correct


@pytest.mark.parametrize(
    "text", ["C) both A and B", "The answer is (C), both A and B.", "<answer>C: Both A and B</answer>"]
)
def test_an_option_that_names_others_is_one_letter(text: str) -> None:
    row = planets(choices=["3", "5", "both A and B", "none of the above"], answer=2)
    [verdict] = verify([text], [row])
    assert (verdict.correct, verdict.value) == (True, "C")


def test_a_strange_log_is_marked_as_far_as_it_can_be() -> None:
    assert Choice().span("The answer is B.", Row("q", "B) x", task="choice", details="1")) == (14, 15)


def test_the_reason_says_that_several_were_named() -> None:
    row = planets()
    [verdict] = verify(["<reasoning>\n?\n</reasoning>\n<answer>\nA, B\n</answer>"], [row])
    assert verdict.reason == f"the answer names several options, A, B; {row.gold} was expected"


@given(st.text(max_size=80))
def test_no_completion_is_a_crash(text: str) -> None:
    [verdict] = verify([text], [planets()])
    assert verdict.value is None or verdict.value


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"choices": ["Saturn"]}, "has 1 options, and two are the least"),
        ({"choices": ["Saturn", "Mars", "Mars"]}, "has the option 'Mars' twice"),
        ({"choices": ["Saturn", " "]}, "has an empty option"),
        ({"choices": [str(n) for n in range(30)]}, "has 30 options, and 26 are the most"),
        ({"answer": "Pluto"}, "has the answer 'Pluto', which is none of its options"),
        ({"answer": "F"}, "has the answer 'F', which is none of its options"),
        ({"answer": 4}, "has the answer 4, and 4 options, which are counted from 0: write its letter"),
        ({"answer": None}, "has no answer"),
        ({"answer": "B", "choices": ["B", "A"]}, "has the answer 'B', which is the place of one option and"),
        ({"answer": "2", "choices": ["1", "2", "4"]}, "has the answer '2', which is the place of one option and"),
        ({"answer": 2, "choices": [1, 2, 3, 4]}, "has the answer '2', which is the place of one option and the words"),
        ({"answer": 2, "choices": [1.0, 2.0, 4.0]}, "has the answer '2', which is the place of one option and the"),
        ({"choices": None}, "has no options"),
    ],
)  # fmt: skip
def test_a_row_that_is_no_choice_is_named(changes: dict[str, Any], words: str) -> None:
    good = {"question": "Rings?", "choices": OPTIONS, "answer": "Saturn"}
    with pytest.raises(UserError) as caught:
        read(good, {**good, **changes})
    assert caught.value.problems[0].startswith(f"row: {words}")


@pytest.mark.parametrize(
    ("options", "answer", "right"),
    [([1, 2, 3, 4], 0, "1"), ([0, 1, 2], 1, "1"), ([10, 20, 30], 20, "20"), ([10, 20, 30], 2, "30"),
     (["1", "2", "4"], 2, "4"), ([1.5, 2.5], 2.5, "2.5"), ([True, False], 1, "False"), (OPTIONS, 1.0, OPTIONS[1]),
     (OPTIONS, "2.0", OPTIONS[2]), (["1.0", "2.0"], "2.0", "2.0")],
)  # fmt: skip
def test_a_number_among_numbers_names_the_only_option_that_it_can_mean(
    options: list[Any], answer: float, right: str
) -> None:
    assert planets(choices=options, answer=answer).gold.partition(") ")[2] == right


def doubt(answers: list[Any], **changes: Any) -> str:
    """What is said of how the answers of as many rows were read."""
    rows = [{"question": f"{n}?", "choices": OPTIONS, "answer": answer} | changes for n, answer in enumerate(answers)]
    found = problems_in((Entry("row", row) for row in rows), DataSection(), "a")
    assert (len(found.rows), found.wrong) == (len(rows), [])
    return found.reading().partition("answer, options from choices.")[2].strip()


@pytest.mark.parametrize("write", [int, str])
def test_numbers_that_may_count_from_1_are_said_to_be_counted_from_0(write: type) -> None:
    assert doubt([write(place) for place in (1, 3, 2, 1, 2, 3)]) == (
        "The 6 numbers in 'answer' were counted from 0, and none of them is 0: if 1 means the first option, write "
        "letters in place of numbers."
    )
    assert doubt([write(2)]).startswith("The 1 number in 'answer' was counted from 0, and is not 0: if 1 means")
    assert doubt([write(2), "Mars", "C"]).startswith("The 1 number in 'answer' was ")


@pytest.mark.parametrize(
    ("answers", "changes"),
    [
        ([1, 3, 0, 2], {}),
        (["1", "2", "0"], {}),
        (["B", "C", "Mars"], {}),
        ([1, 2, 1], {"choices": {"text": ["Mars", "Venus"], "label": ["1", "2"]}}),
        (["12", "14"], {"choices": ["12", "14", "16"]}),
    ],
)
def test_nothing_is_doubtful_about_other_answers(answers: list[Any], changes: dict[str, Any]) -> None:
    assert doubt(answers, **changes) == ""


def test_a_choice_may_be_read_as_words_if_somebody_says_so() -> None:
    """Then it is trained on what it says: the question alone, and the answer's words."""
    [row] = read({"question": "Rings?", "choices": OPTIONS, "answer": "Saturn"}, task="number")
    assert (row.question, row.gold, row.task) == ("Rings?", "Saturn", "number")


def test_the_kinds_of_rows_that_are_none_are_refused_by_name() -> None:
    with pytest.raises(UserError, match="its rows are no problems of the kind choice"):
        read({"question": "1 + 1?", "answer": "2"}, task="choice")


def test_a_choice_reads_an_unknown_questions_answer() -> None:
    asked = "Which is it?\n\nA) x\nB) y"
    assert Choice().value("<reasoning>\nx\n</reasoning>\n<answer>\nB\n</answer>", asked) == "B"
    assert Choice().value("", asked) is None


def test_the_options_are_kept_for_the_verdict() -> None:
    row = planets()
    assert json.loads(row.details) == [line[3:] for line in row.question.splitlines()[2:]]


def test_both_models_are_shown_beside_guessing() -> None:
    row = planets()
    texts = {True: row.gold[0], False: letter_of(row, "Mars")}

    def evaluated(which: Literal["base", "tuned"], right: int) -> Evaluated:
        answers = []
        for n in range(100):
            [verdict] = verify([texts[n < right]], [row])
            answers.append(
                Answer(
                    text=texts[n < right], tokens=1, cut_off=False, value=verdict.value, correct=verdict.correct,
                    strict=verdict.strict, reason=verdict.reason, question=f"{n} {row.question}", gold=row.gold,
                    task="choice", details=row.details,
                )
            )  # fmt: skip
        return Evaluated(which=which, key="made", seconds=1.0, answers=tuple(answers))

    compared = compare(evaluated("base", 27), evaluated("tuned", 60))
    assert words(compared)[1] == (
        "By guessing 25 % would be right: base is not apart from that beyond chance (27.0 % (19 to 36)) and tuned is "
        "above that (60.0 % (50 to 69))."
    )
    assert not counts_equations(compared.base)
