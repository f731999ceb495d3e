"""The functions that a script carries, word for word: how problems are read, and the rewards.

They import nothing of this project. `problem`, `same`, `by_hash` and the rewards `format`, `length` and `repetition` do
what the product does; `correctness` and `steps` read less, as their comments say.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from hashlib import sha256
from runpy import run_path
from typing import Any

Chats = list[list[dict[str, str]]]
STOP_IDS: set[int] = set()
"""The tokens that end a completion. A script fills it from its model."""
MAX_COMPLETION_LENGTH = 256
"""A script has its run's."""

# --- problems

BOX = re.compile(r"\\boxed\s*\{((?:[^{}]|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})*)\}")


def problem(row: dict[str, Any]) -> dict[str, str]:
    """A question with its answer alone: what stands after GSM8K's ####, in MATH's last box, or the whole text."""
    solution = str(row["answer"] if "answer" in row else row["solution"])
    found = re.findall(r"####+(.*)", solution) or BOX.findall(solution) or [solution] * ("\n" not in solution)
    answer = found[-1].strip() if found else ""
    return {"question": row["question"] if "question" in row else row["problem"], "answer": answer}


def same(row: dict[str, str]) -> str:
    """What two copies of a problem share."""
    return " ".join(row["question"].split()).casefold()


def by_hash(rows: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Each problem once, in the order of a hash of its text: whatever the seed, the same ones are held out."""
    unique = {same(row): row for row in rows}
    return sorted(unique.values(), key=lambda row: sha256(row["question"].encode()).hexdigest())


# --- rewards

NUMBER = re.compile(r"(?:(?<![\w)])-)?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,30})(?:\.\d{1,30}|/[1-9]\d{0,9})?")
OTHERWISE = re.compile(
    r"\\(?:sqrt|pi|infty|log|ln|sin|cos|tan|theta|[lg]eq?)|[√π≤≥]|(?<![=-])[<>]\s?[-$]*\d|\d\s?[<>]|\d![^\s\w]*$"
    r"|\d\s?[xyznki]\b|\d[²³]|\d[abe]\b|(?<![A-Za-z])[a-ln-z]\s?\^|[-+*/]\s?[a-z]\b|(?<![A-Za-z])[a-z]\s?[-+*/]\s?\d"
    r"|(?i:\b(?:not|least|most|(?:more|less|fewer) than)\s\$?\d)"
)
SENTENCE = re.compile(r"(?:answer is|nswer:|####)[\s*$]*(?!.*boxed)([^<\n]+)")
STATEMENTS = (re.compile(r"(?s)<answer>((?:(?!<answer>).)*?)</answer>"), BOX, SENTENCE)


def number(text: str) -> Fraction | None:
    """The one number of a short text, exactly; None where there is none, or several, or a formula or bound of it."""
    if OTHERWISE.search(text):
        return None
    found = {Fraction(stated.replace(",", "")) for stated in NUMBER.findall(text)}
    return found.pop() if len(found) == 1 else None


def final_answer(text: str) -> str:
    """What a completion states last as its answer, in a block, a box or a sentence; else the number at its end."""
    stated = [found for statement in STATEMENTS for found in statement.finditer(text)]
    return max(stated, key=lambda found: found.end())[1] if stated else (NUMBER.findall(text) or [""])[-1]


def is_right(text: str, gold: str) -> bool:
    """Whether a completion states the expected answer. Numbers are equal exactly: nothing is paid for being close."""
    if (wanted := number(gold)) is not None:
        return number(final_answer(text)) == wanted
    from math_verify import parse, verify  # for expressions, as in MATH

    return bool(verify(parse(f"${gold}$"), parse(f"${final_answer(text)}$")))


def correctness(completions: Chats, answer: list[str], **_: Any) -> list[float]:
    """2.0 for a right answer, in the format or not. GRPO Space reads more ways to state one, such as "18 (9 * 2)"
    and "eighteen"; of 5,276 texts made of GSM8K's solutions the two judge 33 differently.
    """
    return [2.0 * is_right(chat[0]["content"], gold) for chat, gold in zip(completions, answer, strict=True)]


FORMAT = re.compile(r"(?s)(.*)<reasoning>(.*)</reasoning>(.*)<answer>(.*)</answer>(.*)")
EMPTY = re.compile(
    r"(?i)[\s.…\[\]{}_?]*+(?:(?:your|the|final|numeric(?:al)?|answer|number|result|value|here|goes)[\s.…\]}]*+)*+"
)


NO_ANSWER = re.compile(r"(?i)not ?found|n/a|nan|null|[-?]|#(?:n/a|value!|ref!|div/0!|name\?|num!|null!)")
BARE = re.compile(r"</?[A-Za-z][^<>]{0,40}>|&nbsp;|\\[a-z]{1,20}\s?\{\s*\}")
SHOWN = ("Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No", "Sm", "So", "Sc")


def shows(text: str) -> bool:
    """Whether a text holds a letter, a digit or a sign, not dashes, quotes or bare tags alone."""
    plain = BARE.sub("", unicodedata.normalize("NFKC", text))
    return any(unicodedata.category(each) in SHOWN and each not in "\u115f\u1160\u2800|~" for each in plain)


def form(text: str, gold: str) -> float:
    """0.05 for each tag that stands there once; 0.1 each for their order, for some reasoning, for nothing outside.
    Nothing for an answer that shows nothing or says that there is none, where that is not expected.
    """
    counts = [text.count(tag) for tag in ("<reasoning>", "</reasoning>", "<answer>", "</answer>")]
    if counts[2:] == [1, 1]:
        stated = text[text.index("<answer>") + len("<answer>") :].partition("</answer>")[0]
        none = EMPTY.fullmatch(stated) or not shows(stated) or NO_ANSWER.fullmatch(stated.strip(" .\n()"))
        if none and stated.strip().casefold() != gold.strip().casefold():
            return 0.0
    paid, parts = 0.05 * counts.count(1), FORMAT.fullmatch(text)
    if counts == [1, 1, 1, 1] and parts:
        before, reasoning, between, _, after = (part.strip() for part in parts.groups())
        paid += 0.1 + 0.1 * shows(reasoning) + 0.1 * (not before + between + after)
    return paid


def format(  # noqa: A001
    completions: Chats, completion_ids: list[list[int]], answer: Sequence[str] | None = None, **_: Any
) -> list[float]:
    """Up to 0.5 for the form, in steps, so that groups differ early; nothing for a completion that was cut off."""
    ended = (not STOP_IDS.isdisjoint(ids) for ids in completion_ids)
    golds = answer or [""] * len(completions)
    each = zip(completions, golds, ended, strict=True)
    return [form(chat[0]["content"], gold) if end else 0.0 for chat, gold, end in each]


DECIMAL = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,30})(?:\.\d{1,30})?"
TERM = rf"\$?{DECIMAL}(?: [a-z]{{2,}})?"
EQUATION = re.compile(
    rf"(?<![\w.,$(=*/×÷+-])(?<![(=x*/×÷+-] )((?:{TERM} ?[-+x*/×÷] ?)+{TERM}) ?= ?\$?({DECIMAL})(?![\d%])"
)


def fraction(decimal: str) -> Fraction:
    """The value of a number as it is written: 1,600.50."""
    return Fraction(decimal.replace(",", ""))


def value(operands: Sequence[Fraction], signs: list[str]) -> Fraction:
    """What a chain of operations comes to, products before sums."""
    total, product = Fraction(0), operands[0]
    for sign, operand in zip(signs, operands[1:], strict=True):
        if sign in "x*×":
            product *= operand
        elif sign in "/÷":
            product /= operand or Fraction(1, 10**9)  # by zero: nothing that anybody claims
        else:
            total, product = total + product, -operand if sign == "-" else operand
    return total + product


def worked(text: str, question: str) -> float:
    """-0.2 to 0.4 for the equations of a completion: those that hold, whose numbers come from the question or from
    results before, and whose result is used, against those that do not hold.
    """
    found = []
    for chain, claimed in EQUATION.findall(text.partition("<answer>")[0]):
        operands = tuple(fraction(each) for each in re.findall(DECIMAL, chain))
        holds = value(operands, re.findall(r"[-+*/×÷]|(?<![a-z])x(?![a-z])", chain)) == fraction(claimed)
        found.append((operands, fraction(claimed), holds))
    known = {fraction(each) for each in re.findall(DECIMAL, question)}
    answer, right, wrong = number(final_answer(text)), set(), set()
    for at, (operands, claimed, holds) in enumerate(found):
        if not holds:
            wrong.add((operands, claimed))
        elif known.issuperset(operands) and claimed not in operands:
            known.add(claimed)
            used = claimed == answer or any(claimed in later for later, *_ in found[at + 1 :])
            if used and sum(operand not in (0, 1) for operand in operands) > 1:
                right.add((operands, claimed))
    paid = 0.2 * len(right) / max(1, len(right) + len(wrong)) - min(0.2, 0.1 * len(wrong))
    follows = found and not wrong and found[-1][:2] in right and found[-1][1] == answer
    return paid + 0.2 if follows else paid


def steps(completions: Chats, question: list[str], **_: Any) -> list[float]:
    """A process reward: for calculations that are shown, hold and are used. GRPO Space reads more of them: several
    equals signs, words in place of signs, rounded results, and numbers that a question only implies (a dozen, half).
    """
    return [worked(chat[0]["content"], about) for chat, about in zip(completions, question, strict=True)]


def length(completion_ids: list[list[int]], **_: Any) -> list[float]:
    """0 to -0.5 over the last fifth before the length limit (DAPO's soft overlong punishment, arXiv:2503.14476)."""
    margin = max(1, MAX_COMPLETION_LENGTH // 5)
    over = [max(0, len(ids) - MAX_COMPLETION_LENGTH + margin) for ids in completion_ids]
    return [-0.5 * min(1.0, tokens / margin) for tokens in over]


def repetition(completions: Chats, **_: Any) -> list[float]:
    """0 to -0.3: the share of sequences of four words that stood there before; of more than 40 characters without a
    space every four are a word.
    """
    paid = []
    for chat in completions:
        words = []
        for word in chat[0]["content"].lower().split():
            words += [word[i : i + 4] for i in range(0, len(word), 4)] if len(word) > 40 else [word]
        fours = list(zip(words, words[1:], words[2:], words[3:], strict=False))
        paid.append(-0.3 * (1 - len(set(fours)) / len(fours)) if fours else 0.0)
    return paid


def own(file: str, name: str) -> Callable[..., list[float]]:
    """A reward of one's own from its file, which is also told which completions were cut off, and the length limit."""
    function = run_path(file)[name]

    def reward(completion_ids: list[list[int]], **columns: Any) -> list[float]:
        columns |= {"cut_off": [STOP_IDS.isdisjoint(ids) for ids in completion_ids]}
        columns |= {"completion_ids": completion_ids, "max_completion_length": MAX_COMPLETION_LENGTH}
        return list(function(**columns))

    reward.__name__ = name  # TRL names the metric by it
    return reward
