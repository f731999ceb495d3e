"""What is wrong with problems that can each be read: contradictions, copies, answers that nothing can match or that are
none, and questions that ask nothing or of which letters were lost.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from grpo_space.formatting import cut
from grpo_space.grading.statements import NO_ANSWER
from grpo_space.tasks.kinds import task_of, verify
from grpo_space.tasks.problems import Row

LONGEST_SHOWN = 60
NONE = NO_ANSWER | {"proof", "none"}
"""What stands in the place of an answer where there is none."""
LOST = "\ufffd"
"""Stands in the place of a character that could not be read."""
_BYTE_OF_WINDOWS = {ord(bytes((byte,)).decode("cp1252", "replace")): byte for byte in range(0x80, 0xA0)}
_TWO_BYTES = re.compile(f"[\u00c2-\u00f4][\u0080-\u00bf{''.join(map(chr, _BYTE_OF_WINDOWS))}]")
"""The first two bytes of a character of UTF-8, each read as a letter."""


def same(row: Row) -> str:
    """What two copies of a problem share: spaces and capitals do not make it another one."""
    return " ".join(row.question.split()).casefold()


@dataclass(frozen=True)
class Faults:
    """What is wrong with problems, in counts and with the first example of each."""

    contradictions: int = 0
    """Questions with different answers."""
    copies: int = 0
    unmatched: int = 0
    """Answers that nothing can match."""
    contradiction: str = ""
    answer: str = ""
    none: int = 0
    """Answers that say that there is none."""
    no_answer: str = ""
    misread: int = 0
    """Questions with letters that were lost, or read in another encoding than they were written in."""
    misread_question: str = ""
    mute: int = 0
    """Questions in whose place stands that there is none."""
    mute_question: str = ""

    def words(self) -> str:
        """The faults in a sentence each; empty where there is none."""
        are = "1 problem is a copy of another" if self.copies == 1 else f"{self.copies:,} problems are copies of others"
        misread = _counted(
            self.misread, ("question was", "questions were"), "read in another encoding than written",
            self.misread_question,
        )  # fmt: skip
        parts = [
            _counted(self.contradictions, ("question has", "questions have"), "different answers", self.contradiction),
            f"{are}, but for capitals and spaces." if self.copies else "",
            _counted(self.unmatched, ("answer", "answers"), "can never be matched", self.answer),
            _counted(self.none, ("answer says", "answers say"), "that there is none", self.no_answer),
            _counted(self.mute, ("question asks", "questions ask"), "nothing", self.mute_question),
            f"{misread} Save the file as UTF-8 once more from where it comes." if misread else "",
        ]
        return " ".join(filter(None, parts))


def _counted(count: int, who: tuple[str, str], what: str, example: str) -> str:
    """A sentence about so many of them, with the only one or an example; empty where there is none."""
    if not count:
        return ""
    return f"1 {who[0]} {what}: {example}." if count == 1 else f"{count:,} {who[1]} {what}, such as: {example}."


def words(rows: Iterable[Row]) -> str:
    """The faults, each counted and with an example, in a sentence each; empty where there is none."""
    return find(rows).words()


def find(rows: Iterable[Row]) -> Faults:
    """What is wrong with problems that can each be read."""
    rows = list(rows)
    alike: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        alike.setdefault((same(row), _read_besides(row)), []).append(row)
    several = [copies for copies in alike.values() if len(copies) > 1]
    contradictions = [copies for copies in several if not all(_agree(copies[0], copy) for copy in copies[1:])]
    copies = sum(len(each) - 1 for each in several if each not in contradictions)
    matched: dict[tuple[str, str], bool] = {}
    for row in rows:
        if (key := (row.gold, row.details)) not in matched:
            matched[key] = task_of(row).can_match(row)
    unmatched = [row for row in rows if not matched[row.gold, row.details]]
    contradiction = ""
    if contradictions:
        golds = " and ".join(dict.fromkeys(_short(row.gold) for row in contradictions[0]))
        contradiction = f"{_short(contradictions[0][0].question)} ({golds})"
    answer = _short(unmatched[0].gold) if unmatched else ""
    none = [row.gold for row in rows if row.task == "number" and row.gold.strip().casefold() in NONE]
    no_answer = none[0] if none else ""
    mute = [row.question for row in rows if row.question.partition("\n\nA) ")[0].strip().casefold() in NO_ANSWER]
    misread = [row.question for row in rows if is_misread(row.question)]
    return Faults(
        len(contradictions), copies, len(unmatched), contradiction, answer, len(none), no_answer, len(misread),
        _short(misread[0]) if misread else "", len(mute), _short(mute[0]) if mute else "",
    )  # fmt: skip


def is_misread(text: str) -> bool:
    """Whether letters of a text were lost, or its UTF-8 was read as Windows' Latin-1, which makes `groÃŸ` of `groß`. By
    chance little more than one letter outside of Latin-1 can be read so: the last two signs of "CAFÉ»".
    """
    if text.isascii():
        return False
    if LOST in text:
        return True
    if not _TWO_BYTES.search(text):
        return False
    try:
        meant = text.translate(_BYTE_OF_WINDOWS).encode("latin-1").decode()
    except UnicodeError:
        return False
    letters = [each for each in meant if not each.isascii()]
    return len(letters) > 1 or not "\u0100" <= letters[0] < "\u0800"


def _agree(row: Row, other: Row) -> bool:
    """Whether the answer to one problem is right for its copy, too."""
    if row.task == "own":
        return row.gold == other.gold  # how its answers are read is the verifier's matter
    if row.details != other.details:
        return False
    if row.gold == other.gold:
        return True
    return verify([f"<reasoning>\n.\n</reasoning>\n<answer>\n{other.gold}\n</answer>"], [row])[0].correct


def _read_besides(row: Row) -> str:
    """What a verifier of one's own may read beside question and answer, as JSON: where it differs, the problem does."""
    if row.task != "own":
        return ""
    record = json.loads(row.details)
    return json.dumps({name: value for name, value in record.items() if str(value) not in (row.question, row.gold)})


def _short(text: str) -> str:
    return cut(" ".join(text.split()), LONGEST_SHOWN)
