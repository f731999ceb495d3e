"""What rows may mean otherwise than they were read: nobody can know it but their owner, so it is said."""

import re
from collections.abc import Sequence

from grpo_space.config import ColumnsSection
from grpo_space.formatting import counted
from grpo_space.tasks.columns import BEFORE, Record, plain
from grpo_space.tasks.problems import Row

TOTALS = frozenset({
    "total", "totals", "grand total", "sum", "average", "mean", "count", "summe", "gesamt", "gesamtsumme", "mittelwert",
    "durchschnitt", "anzahl", "somme", "moyenne", "suma", "promedio", "somma", "media",
})  # fmt: skip
"""What spreadsheets call the row below the others."""
_THOUSANDS = re.compile(r"\D{0,3}[1-9]\d{0,2}\.\d{3}(?![\d.,]).*")


def from_1(places: Sequence[int], column: str) -> str:
    """The doubt that numbers of options count from 1, where none of them is 0. `places`: of the right options."""
    if not places or 0 in places:
        return ""
    are = "The 1 number" if len(places) == 1 else f"The {len(places):,} numbers"
    count = "was counted from 0, and is not 0" if len(places) == 1 else "were counted from 0, and none of them is 0"
    return f"{are} in {column!r} {count}: if 1 means the first option, write letters in place of numbers."


def unshown(sample: Sequence[Record], columns: ColumnsSection) -> str:
    """The doubt that questions are about a text that is not shown with them."""
    used = {column.partition(".")[0] for _, column in columns if column}
    held = {name for record in sample for name, value in record.items() if isinstance(value, dict | list) and value}
    found = sorted(name for name in held - used if plain(name) in BEFORE)
    if not found:
        return ""
    left_out = f"What {found[0]!r} holds is no text, and is not shown with the questions"
    return f"{left_out}: write it into them if it is needed."


def thousands(rows: Sequence[Row]) -> str:
    """The doubt that a stop separates thousands, where semicolons separate fields, as in a spreadsheet whose decimals
    have commas.
    """
    found = [row.gold for row in rows if _THOUSANDS.fullmatch(row.gold)]
    if not found:
        return ""
    are = f"{counted(len(found), 'answer')}, such as {found[0]!r}, {'is' if len(found) == 1 else 'are'}"
    return f"{are} read with a decimal point: if the stop separates thousands, write it without."


def total(rows: Sequence[Row]) -> str:
    """The doubt that the last row sums up the others."""
    last = rows[-1].question.strip() if len(rows) > 1 else ""
    sums_up = last.rstrip(" :").casefold() in TOTALS
    return f"The last row asks {last!r}: if it sums up the others, delete it." if sums_up else ""
