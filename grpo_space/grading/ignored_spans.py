"""What stands in a completion and is not stated: examples of the format, and sentences of the question."""

import re
from collections.abc import Iterator
from functools import lru_cache

_BLOCK = r"(?:<reasoning>[^<]*+</reasoning>\s*)?+<answer>[^<]*+</answer>"
_EXAMPLE = re.compile(
    rf"(?P<quote>[\"'`“‘«])[ \t]*{_BLOCK}[ \t]*[\"'`”’»]"
    r"|\b(?:e\.g\.|for (?:example|instance)\b|such as\b|example\b"
    r"|(?:format|form|template)\s+(?:is|was|looks like|should be|must be|would be)\b)[\s:,]*+" + _BLOCK,
    re.IGNORECASE,
)


def examples(text: str) -> Iterator[tuple[int, int]]:
    """Answer blocks that only show the format. A quoted one alone on the last line is an answer."""
    for example in _EXAMPLE.finditer(text) if "</" in text else ():
        before = text[text.rfind("\n", 0, example.start()) + 1 : example.start()]
        if not example["quote"] or before.strip() or text[example.end() :].strip():
            yield example.span()


def echoes(text: str, question: str) -> Iterator[tuple[int, int]]:
    """Sentences of the question that stand word for word in the text."""
    for sentence in _sentences_of(question):
        start = text.find(sentence)
        while start >= 0:
            yield start, start + len(sentence)
            start = text.find(sentence, start + len(sentence))


@lru_cache(maxsize=256)
def _sentences_of(question: str) -> list[str]:
    """The sentences of a question that hold a number and are long enough to be known again."""
    sentences = re.findall(r"[^\n]+?(?:[.?!](?=\s|$)|(?=\n|$))", question)
    return [sentence.strip() for sentence in sentences if len(sentence.strip()) >= 10 and re.search(r"\d", sentence)]
