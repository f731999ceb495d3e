"""Finds the final answer in a completion and compares it with the expected one.

One extractor for rewards, evaluation, the app and the card. Its rules, where they are not obvious:

- What the text states last counts: an answer block, a box, a `####` line or a sentence ("the answer is 18"), whichever
  ends last; only a text without any of these is read by the last line's only number in bold, else by its last number,
  or the result that comes before it ("= 64. He pays $64 for 16 cups"), or what its last sentence concludes ("So there
  are 60 pencils in 5 boxes"); one that breaks off says none.
  What is taken back afterwards is none ("Wait, that is wrong."), and what takes its place is read ("I mean 19").
  A `<think>` block is not part of the answer, nor is anything after an end token or a note of confidence.
- What echoes the question, stands in a quoted example of the format, or is asked ("is it 18?") is not stated; nor is
  what is only named ("the wrong answer is 18", "I don't think the answer is 18", "without the tax the answer would be
  18"), nor anything after the place where the text goes on with another question.
- A number is its whole token. What touches it (`5!`, `5·10^6`, `1'234`, `3万`, `|-3|`, "negative 12") is read with it;
  where that cannot be, there is no number. Units, ordinals, AM and PM and a base's index are no part of it.
- Numbers are equal as exact rationals: 72.0 is 72 and 0.5 is 1/2; 0.33 is not 1/3, but 0.333... is. Nothing is paid for
  being close: what stands before "≈" or "about" counts, unless the question or the text rounds ("which rounds to 4").
- Percent is a unit: 50% is 50. It is also 0.5, the same quantity; but 100% is never the integer 1.
- Units are not converted: 50 cents is 50; but 18 dozen is 18 only where the question counts in dozens.
  Of one quantity in two units ("2.5 hours (150 minutes)") the first counts.
- The grader does no sums: "9 * 2", "twice 9", "5 hours 30 minutes" are left to the reader, and "18 or more" is a bound.
  What comes after `=` is a result; 36/2, roots, powers and functions of one constant are values. What is denied ("not
  18", "18 is wrong"), or named as an example or a limit ("such as 18", "18 at most") is none.
- Several different values in one statement are no answer, whatever joins them. Numbers beside it that only say what for
  ("18 dollars for 9 eggs"), explain it ("18 (9 * 2)") or are refused ("18, not 20") are none.
- A comma groups thousands (1,600); 1.600 is 1.6. Where only one reading is possible, other ways to write are read too:
  1.600,00 and 12,50 and 1 600 and 1'600.
- Scale words multiply (1.5 million, 3万); a number in words is read where a statement begins with it.
"""

from dataclasses import dataclass
from fractions import Fraction

from grpo_space.grading.expected import asks_to_round, expected_of
from grpo_space.grading.final_statement import last_statement
from grpo_space.grading.judge import in_packs, is_right
from grpo_space.grading.number_values import written
from grpo_space.grading.numbers import Number, ascii_digits
from grpo_space.grading.single_number import one_number
from grpo_space.grading.statements import LONGEST_ANSWER, MAX_AROUND, Span

LOOKED_AT = 20_000
"""Characters at the end of a completion that are searched for its answer."""


@dataclass(frozen=True, slots=True)
class Grade:
    """How a completion compares with the expected answer."""

    strict: bool
    """Right, and in the format asked for."""
    lenient: bool
    """Right by the last answer that the text states, tags or not."""
    value: str | None
    """What was read: a number in its plainest spelling (`1600`, `0.5`, `1/3`), else the words; None: nothing found."""
    where: str
    """answer block | boxed | #### | sentence | bold | last number | last line | nowhere"""
    reason: str
    """One sentence for people."""
    span: Span | None = None
    """From where to where in the completion it was read."""


_SAYS = {
    "answer block": "the answer block says",
    "boxed": "the box says",
    "####": "the line after #### says",
    "sentence": "the text gives as its answer",
    "bold": "the number in bold is",
    "last number": "the last number is",
    "last line": "the last line says",
}


def grade(completion: str, gold: str, question: str = "") -> Grade:
    """Reads the final answer of a completion and compares it with `gold`. Never raises, whatever the text."""
    expected = expected_of(gold)
    if not expected.text:
        return Grade(False, False, None, "nowhere", "the row has no expected answer")
    found = _find(completion, question, expected.number is not None)
    if found is None:
        return Grade(False, False, None, "nowhere", f"no answer was found; {gold} was expected")
    where, content, in_format = found
    stated, number, span = _read(completion, content, expected.number is not None, asks_to_round(question))
    right = is_right(stated, number, expected)
    if right and number is not None:
        right = not in_packs(completion[span[1] : span[1] + MAX_AROUND], expected, question)
    shown = " ".join(stated[:100].split()) or "nothing"
    reason = f"{_SAYS[where]} {shown}; {gold} was expected"
    if right:
        reason = f"{_SAYS[where]} {shown}, as expected" + ("" if in_format else ", but not in the format asked for")
    value = written(number.value) if number is not None and number.value is not None else shown
    return Grade(right and in_format, right, value, where, reason, span)


def span(completion: str, gold: str, question: str = "") -> Span | None:
    """From where to where `grade` reads the answer; None where it finds none. Compares nothing."""
    of_number = expected_of(gold).number is not None
    found = _find(completion, question, of_number)
    return _read(completion, found[1], of_number, asks_to_round(question))[2] if found else None


def _read(completion: str, content: Span, of_number: bool, rounds: bool = False) -> tuple[str, Number | None, Span]:
    """What a statement says, its number, and from where to where that was read."""
    start, end = content
    stated = completion[start : min(end, start + LONGEST_ANSWER)]
    number = one_number(ascii_digits(stated), rounds) if of_number else None
    if number is not None:
        return stated, number, (start + number.start, start + number.end)
    return stated, None, (start + len(stated) - len(stated.lstrip()), start + len(stated.rstrip()))


def final_number(completion: str) -> Fraction | None:
    """The number that a completion states as its final answer."""
    found = _find(completion, "", of_number=True)
    if found is None:
        return None
    number = _read(completion, found[1], of_number=True)[1]
    return number.value if number else None


def _find(completion: str, question: str, of_number: bool) -> tuple[str, Span, bool] | None:
    """Where the answer stands: the form, the place, and whether the completion is in the format asked for."""
    block = answer_in_format(completion)
    if block is not None:
        return "answer block", block, True
    offset = max(0, len(completion) - LOOKED_AT)
    found = last_statement(ascii_digits(completion[offset:]), ascii_digits(question[:LOOKED_AT]), of_number)
    if found is None:
        return None
    return found.where, (found.content[0] + offset, found.content[1] + offset), False


# --- the format -------------------------------------------------------------------------------------------------------

TAGS = ("<reasoning>", "</reasoning>", "<answer>", "</answer>")


def answer_in_format(completion: str) -> Span | None:
    """Where the answer stands in a completion that is exactly `<reasoning>...</reasoning><answer>...</answer>`.

    Each tag once, in this order, neither part empty, nothing but whitespace before, between and after; else None.
    """
    if (parts := tagged_parts(completion)) is None:
        return None
    outside, reasoning, (start, end) = parts
    return (start, end) if reasoning.strip() and completion[start:end].strip() and not outside.strip() else None


def tagged_parts(completion: str) -> tuple[str, str, Span] | None:
    """Text outside the tags, reasoning, and where the answer stands; None unless each tag is there once, in order."""
    if any(completion.count(tag) != 1 for tag in TAGS):
        return None
    opens, closes, start, end = (completion.index(tag) for tag in TAGS)
    if not opens < closes < start < end:
        return None
    outside = completion[:opens] + completion[closes + len(TAGS[1]) : start] + completion[end + len(TAGS[3]) :]
    return outside, completion[opens + len(TAGS[0]) : closes], (start + len(TAGS[2]), end)
