"""What is wrong with problems that can each be read: contradictions, copies, and answers that nothing can match."""

from collections.abc import Iterable

from grpo_space.tasks.kinds import task_of, verify
from grpo_space.tasks.problems import Row

LONGEST_SHOWN = 60


def same(row: Row) -> str:
    """What two copies of a problem share: spaces and capitals do not make it another one."""
    return " ".join(row.question.split()).casefold()


def words(rows: Iterable[Row]) -> str:
    """The faults, each counted and with an example, in a sentence each; empty where there is none."""
    rows = list(rows)
    alike: dict[str, list[Row]] = {}
    for row in rows:
        alike.setdefault(same(row), []).append(row)
    several = [copies for copies in alike.values() if len(copies) > 1]
    contradictions = [copies for copies in several if not all(_agree(copies[0], copy) for copy in copies)]
    copies = sum(len(copies) - 1 for copies in several if copies not in contradictions)
    unmatched = [row for row in rows if not task_of(row).can_match(row)]
    parts = []
    if contradictions:
        first = contradictions[0]
        golds = " and ".join(dict.fromkeys(_short(row.gold) for row in first))
        one = len(contradictions) == 1
        have = "1 question has" if one else f"{len(contradictions):,} questions have"
        such = "" if one else ", such as"
        parts.append(f"{have} different answers{such}: {_short(first[0].question)} ({golds}).")
    if copies:
        are = "1 problem is a copy of another" if copies == 1 else f"{copies:,} problems are copies of others"
        parts.append(f"{are}, but for capitals and spaces.")
    if unmatched:
        one = len(unmatched) == 1
        can = "1 answer" if one else f"{len(unmatched):,} answers"
        parts.append(f"{can} can never be matched{'' if one else ', such as'}: {_short(unmatched[0].gold)}.")
    return " ".join(parts)


def _agree(row: Row, other: Row) -> bool:
    """Whether the answer to one problem is right for its copy, too."""
    if row.details != other.details:
        return False
    return verify([f"<reasoning>\n.\n</reasoning>\n<answer>\n{other.gold}\n</answer>"], [row])[0].correct


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."
