"""Simple instructions whose obeying needs no opinion: capital letters, so many lines, a first word, valid JSON."""

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence

from grpo_space.config import ColumnsSection
from grpo_space.tasks.columns import QUESTION, at, find_column, question_of
from grpo_space.tasks.problems import Row
from grpo_space.tasks.task import Example, Record, Span, Task, Verdict

RULE, VALUE = "rule", "value"
"""Names of the columns: which rule, and its number or word."""
SUBJECTS = (
    "the sea", "a cat", "the moon", "bread", "a bicycle", "winter", "music", "a river", "the colour blue", "a library",
    "tea", "a train", "honey", "the desert", "a garden", "chess", "rain", "a mountain", "football", "the sun",
    "a horse", "cheese", "a bridge", "sleep", "an island", "a clock", "snow", "a market", "salt", "a forest",
)  # fmt: skip
WORDS = ("Yes", "Sure", "Well", "Listen", "Today", "Finally")
_WORD = re.compile(r"\w+(?:['\u2019-]\w+)*")


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _is_json(text: str, key: str) -> bool:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and list(found) == [key]


RULES: dict[str, tuple[str, tuple[int | str, ...], Callable[[str, str], bool]]] = {
    "capitals": ("Write in capital letters only.", ("",), lambda text, _: text.isupper()),
    "small letters": ("Write in small letters only, without a single capital.", ("",), lambda text, _: text.islower()),
    "lines": ("Write exactly {} lines.", (2, 3, 4, 5), lambda text, n: len(_lines(text)) == int(n)),
    "words": ("Write exactly {} words.", (3, 4, 5, 6), lambda text, n: len(_WORD.findall(text)) == int(n)),
    "no comma": ("Write at least ten words, and use no comma.", ("",),
                 lambda text, _: "," not in text and len(_WORD.findall(text)) >= 10),
    "begins": ("The first word of your answer must be: {}", WORDS,
               lambda text, word: re.match(rf"{re.escape(word)}\b", text) is not None),
    "ends": ("The last word of your answer must be: {}", WORDS, lambda text, word: _WORD.findall(text)[-1:] == [word]),
    "list": ("Answer with a list of exactly {} points and nothing else. Each point is a line that begins with \"- \".",
             (2, 3, 4), lambda text, n: len(_lines(text)) == int(n) and all(x.startswith("- ") for x in _lines(text))),
    "quotes": ("Put your whole answer in double quotation marks.", ("",),
               lambda text, _: len(text) > 2 and text[0] == text[-1] == '"'),
    "json": ("Answer with a JSON object and nothing else. Its only key is \"{}\".", ("answer", "text", "result"),
             _is_json),
}  # fmt: skip
"""What is asked, the numbers or words that it can be asked with, and whether a text that is not empty obeys."""


class Instructions(Task):
    """Right is what obeys the rule, as a whole: what is said beside it, or around it, breaks most rules."""

    title = "instructions that can be checked"
    system_prompt = "Do exactly as you are told, and write nothing else."
    example = Example("Write about a dog. Write in capital letters only.", "A DOG IS A GOOD FRIEND.")
    more_examples = (
        Example("Write about the wind. Write exactly 2 lines.", "The wind is never seen.\nIt moves the trees."),
        Example("Write about a shoe. The first word of your answer must be: Well", "Well, a shoe keeps a foot warm."),
        Example("Write about gold. Put your whole answer in double quotation marks.", '"Gold does not rust."'),
    )
    equations = False

    def find(self, sample: Sequence[Record], wanted: ColumnsSection) -> ColumnsSection | None:
        """A column with the name of a rule that is known here."""
        rule, question = wanted.answer or find_column((RULE,), sample), wanted.question or find_column(QUESTION, sample)
        if rule is None or question is None or any(str(at(record, rule)) not in RULES for record in sample):
            return None
        return ColumnsSection(question=question, answer=rule)

    def read(self, record: Record, columns: ColumnsSection) -> Row:
        """The question, which says the rule in words, and the rule."""
        assert columns.question is not None
        assert columns.answer is not None
        rule, value = str(at(record, columns.answer)), str(record.get(VALUE) or "")
        if rule not in RULES:
            raise ValueError(f"has the rule {rule[:40]!r}; known are {', '.join(RULES)}")
        if any(isinstance(each, int) for each in RULES[rule][1]) and not re.fullmatch(r"[1-9]\d?", value):
            raise ValueError(f"has no number from 1 to 99 for the rule {rule}")
        return problem(question_of(record, columns), rule, value)

    def verify(self, completions: Sequence[str], problems: Sequence[Row]) -> list[Verdict]:
        """Whether each completion obeys, by counting and comparing alone."""
        return [_verdict(text, problem) for text, problem in zip(completions, problems, strict=True)]

    def value(self, completion: str, question: str) -> str | None:
        """The beginning of what was written."""
        return " ".join(completion.split())[:80] or None

    def span(self, completion: str, problem: Row) -> Span | None:
        """The whole of it counts, so nothing is marked."""
        return None


def problem(question: str, rule: str, value: str) -> Row:
    """A question with the rule that its answer is to obey."""
    return Row(question, f"{rule} {value}".strip(), rule, task="instructions", details=json.dumps([rule, value]))


def drawn(seed: int) -> Iterator[Row]:
    """The problems of a seed without end, in their order, which is the same for everybody: each rule in its turn."""
    draw = random.Random(f"instructions, {seed}")
    while True:
        for rule, (words, values, _) in RULES.items():
            value = str(draw.choice(values))
            yield problem(f"Write about {draw.choice(SUBJECTS)}. {words.format(value)}", rule, value)


def _verdict(text: str, problem: Row) -> Verdict:
    rule, value = json.loads(problem.details)
    written = text.strip()
    obeys = bool(written) and RULES[rule][2](written, value)
    reason = f"it {'obeys' if obeys else 'breaks'} the rule: {problem.gold}" if written else "nothing was written"
    return Verdict(obeys, obeys, INSTRUCTIONS.value(text, problem.question), reason, float(obeys))


INSTRUCTIONS = Instructions()
