"""Multiple choice: one of several options, by its letter or its own words."""

import json
import random
import re
from collections.abc import Sequence
from dataclasses import replace

from grpo_space.config import ColumnsSection
from grpo_space.grading.answers import Grade, answer_in_format, grade, span
from grpo_space.grading.choices import stated_letters
from grpo_space.grading.judge import is_answer
from grpo_space.grading.markup import without_markup
from grpo_space.grading.phrases import bare
from grpo_space.grading.statements import LONGEST_ANSWER
from grpo_space.tasks.columns import QUESTION, find_column, missing, names_of, plain, question_of
from grpo_space.tasks.options import LETTERS, are_wrong, find_options, options_of, place_of
from grpo_space.tasks.problems import Row, digest
from grpo_space.tasks.task import Example, Record, Span, Task, Verdict

ANSWER = (
    "answerkey", "answer", "correct_answer", "answer_index", "label", "gold", "target", "correct_option", "cop",
    "correct", "ans",
)  # fmt: skip
"""Names of the column that says which option is right: its letter, its number or its words."""
ASKED = (*QUESTION, "ctx", "goal", "sentence")
"""Names of the column with the question: HellaSwag, PIQA and Winogrande have a beginning, an aim and a gap."""
KIND = ("kind", "subject", "category", "high_level_domain", "topic", "level")
"""Names of the column by which results are broken down."""
_NAMES_OTHERS = re.compile(r"\b(?:above|below|both|neither|[A-E] (?:and|or|&) [A-E])\b")
"""An option that speaks of others by their place: such a problem keeps its order."""


class Choice(Task):
    """The options stand below the question, each with a letter, in an order that the problem itself decides."""

    title = "multiple choice"
    system_prompt = (
        "Answer the question by one of its options. Write your reasoning in <reasoning> tags and then only the letter "
        "of the right option in <answer> tags, like this:\n<reasoning>\n...\n</reasoning>\n<answer>\nA\n</answer>"
    )
    example = Example(
        "Which of these is a mammal?\n\nA) a shark\nB) a whale\nC) a frog",
        "<reasoning>\nSharks are fish and frogs are amphibians. Whales feed their young with milk.\n</reasoning>\n"
        "<answer>\nB\n</answer>",
    )
    more_examples = (
        Example(
            "What do plants take from the air?\n\nA) carbon dioxide\nB) iron\nC) salt",
            "<reasoning>\nThey make sugar of water and carbon dioxide.\n</reasoning>\n<answer>\nA\n</answer>",
        ),
        Example(
            "Which of these is the largest?\n\nA) a mouse\nB) a cat\nC) an elephant",
            "<reasoning>\nAn elephant weighs tons.\n</reasoning>\n<answer>\nC\n</answer>",
        ),
        Example(
            "At which temperature does water freeze?\n\nA) 100 °C\nB) 0 °C\nC) 37 °C",
            "<reasoning>\nAt 100 °C it boils; it freezes at 0 °C.\n</reasoning>\n<answer>\nB\n</answer>",
        ),
    )
    equations = False

    def find(self, sample: Sequence[Record], wanted: ColumnsSection) -> ColumnsSection | None:
        """A column with a list of options, or a column for each."""
        options = wanted.options or find_options(sample)
        if options is None:
            return None
        question = wanted.question or find_column(ASKED, sample)
        if question is None:
            raise missing("question", "data.columns.question", sample, ASKED)
        answer = wanted.answer or find_column(ANSWER, sample)
        if answer is None:
            raise missing("right option", "data.columns.answer", sample, ANSWER)
        return ColumnsSection(question=question, answer=answer, options=options)

    def read(self, record: Record, columns: ColumnsSection) -> Row:
        """The question with its options below it; the right one by letter, number or words."""
        assert columns.question is not None
        assert columns.answer is not None
        assert columns.options is not None
        question = question_of(record, columns)
        options = options_of(record, columns.options, columns.answer)
        place = 0 if are_wrong(columns.options) else place_of(record, columns.answer, options)
        right = options.texts[place]
        shown = _in_its_order(question, options.texts)
        listed = "\n".join(f"{letter}) {option}" for letter, option in zip(LETTERS, shown, strict=False))
        kind = next((str(record[name]) for name in names_of([record]) if plain(name) in KIND), "")
        gold = f"{LETTERS[shown.index(right)]}) {right}"
        return Row(f"{question.rstrip()}\n\n{listed}", gold, kind, task="choice", details=json.dumps(shown))

    def verify(self, completions: Sequence[str], problems: Sequence[Row]) -> list[Verdict]:
        """Right is the one letter of the right option, or its words; several letters are no answer."""
        return [_verdict(text, problem) for text, problem in zip(completions, problems, strict=True)]

    def value(self, completion: str, question: str) -> str | None:
        """The letter that the completion states, else its words."""
        graded = grade(completion, "A", question)
        letters = stated_letters(completion[slice(*graded.span)]) if graded.span else frozenset()
        return ", ".join(sorted(letters)) or graded.value

    def span(self, completion: str, problem: Row) -> Span | None:
        """Where the option is stated."""
        try:
            return _graded(completion, problem).span
        except (ValueError, TypeError):  # a log of somebody else's, whose details may be anything
            return span(completion, problem.gold[:1], problem.question)

    def guess(self, problem: Row) -> float:
        """One of the options."""
        return 1 / len(json.loads(problem.details))


def _in_its_order(question: str, options: Sequence[str]) -> list[str]:
    """The options in an order that the problem decides, whatever theirs was, so that no place is right more often."""
    if any(_NAMES_OTHERS.search(option) for option in options):
        return list(options)
    shown = sorted(options)
    random.Random(digest(json.dumps([question, *shown]).encode())).shuffle(shown)
    return shown


_DENIES = re.compile(
    r"\b(?:not?|none|nothing|nobody|never|neither|nor|cannot|without|except|wrong|incorrect|false|untrue|opposite"
    r"|contrary|exclude[sd]?|reject(?:s|ed)?|lacks?|fails?|unlike|least)\b|n['’]t\b",
    re.IGNORECASE,
)
_LABELS = r"(?:\b(?:option|choice|answer)\b[\s:]*)*"
_ALONE = re.compile(r"^[ \t*_(]*([A-Z])[ \t*_).:]*$", re.MULTILINE)


def _without_words(text: str, options: Sequence[str]) -> str:
    """The text, as long as before, with blanks for an option's words after its own letter: "C) both A and B" is C."""
    for letter, option in zip(LETTERS, options, strict=False):
        named = rf"(?<!\w)({letter}[)\]]?[).:,]?[ *_]{{0,4}}[-–—:]?[ *_(]{{0,4}}(?<!\w))"
        written = rf"{named}(?i:{re.escape(option)})(?!\w)"
        text = re.sub(written, lambda mark: mark[1].ljust(len(mark[0])), text)
    return text


def _graded(text: str, problem: Row) -> Grade:
    """What the completion states: where nothing is stated in words, its last line. A list of options that goes on to
    the last line states several.
    """
    plain = _without_words(text, json.loads(problem.details))
    graded = grade(plain, problem.gold[:1], problem.question)
    if graded.where != "last line" or graded.span is None:
        return graded
    alone = list(_ALONE.finditer(plain))
    if graded.lenient and len(alone) > 1 and not plain[alone[-1].end() :].strip():
        before = alone[-2]
        if before[1] != alone[-1][1] and not plain[before.end() : alone[-1].start()].strip():
            return replace(graded, strict=False, lenient=False, span=(before.start(), graded.span[1]))
    return graded


def _without(stated: str, option: str) -> str:
    """A statement without the option's own words, which may deny: "The answer is no planet"."""
    return re.sub(re.escape(option), "", stated, flags=re.IGNORECASE)


def _other_words(stated: str, letter: str, options: Sequence[str]) -> bool:
    """Whether a letter stands with the very words of another option: "A) London" where A is Paris chooses neither."""
    beside = re.sub(rf"(?i:{_LABELS})[(\[]?(?<![^\W_]){letter}(?![^\W_])(?:\W*=)?", "", without_markup(stated), count=1)
    words, own = bare(beside.strip(" ()[]{}-–—.,:;=*_\n")), bare(options[LETTERS.index(letter)])
    return words != own and words in [bare(option) for option in options]


def _verdict(text: str, problem: Row) -> Verdict:
    letter, options = problem.gold[:1], json.loads(problem.details)
    graded = _graded(text, problem)
    right, stated = graded.lenient, text[slice(*graded.span)] if graded.span else ""
    letters = stated_letters(_without_words(stated, options))
    if graded.span and right:
        line = text[graded.span[0] :].partition("\n")[0][:LONGEST_ANSWER]  # "The answer is A. London" ends at the stop
        right = not any(_other_words(said, letter, options) for said in (stated, line))
    if not right and not letters:  # the option's words, in place of its letter
        given = [option for option in options if is_answer(stated, option)]
        right = given == [options[LETTERS.index(letter)]] and not _DENIES.search(_without(stated, given[0]))
    in_format = answer_in_format(text) is not None
    read = ", ".join(sorted(letters)) or graded.value
    if graded.span is None:
        reason = f"no answer was found; {problem.gold} was expected"
    elif len(letters) > 1 and not right:
        reason = f"the answer names several options, {read}; {problem.gold} was expected"
    else:
        shown = " ".join(stated[:100].split()) or "nothing"
        form = "" if in_format or not right else ", but not in the format asked for"
        reason = (
            f"the answer is {shown}, as expected{form}"
            if right
            else f"the answer is {shown}; {problem.gold} was expected"
        )
    return Verdict(right, right and in_format, read, reason, float(right))
