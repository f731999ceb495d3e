"""Figures, commands and hints as people read them."""

import difflib
import math
import os
import re
import shutil
import sys
from collections.abc import Collection


def plain(text: str) -> str:
    """The text without control characters, which a terminal would obey. Line breaks and tabs stay."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\N{REPLACEMENT CHARACTER}", text)


def command(rest: str) -> str:
    """The command to type, with the Python that runs now, which need not be the one that `python` is."""
    python = "python" if shutil.which("python") == sys.executable else os.path.relpath(sys.executable)
    return f"{python if not python.startswith('..') else sys.executable} -m grpo_space {rest}"


def number(value: float, digits: int = 2) -> str:
    """The number with so many decimals; a dash in place of NaN."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def counted(count: int, noun: str) -> str:
    """A number of things: `1 step`, `1,200 steps`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def duration(seconds: float) -> str:
    """A time in its two largest units: `45 s`, `3 min 20 s`, `2 h 5 min`."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes} min {seconds} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def roughly(seconds: float) -> str:
    """A time, only as exact as a guess may sound: `20 s`, `a minute`, `7 min`, `40 min`, `4.5 h`, `12 h`."""
    if seconds < 45:
        return f"{max(5, 5 * round(seconds / 5))} s"
    minutes = seconds / 60
    if minutes < 1.5:
        return "a minute"
    if minutes < 100:
        return f"{round(minutes) if minutes < 10 else 5 * round(minutes / 5)} min"
    hours = minutes / 60
    return f"{round(2 * hours) / 2:g} h" if hours < 10 else f"{hours:.0f} h"


def share(part: int, whole: int) -> str:
    """A share with what it is of: `25 % of 128`. Only all of it is 100 %, and only nothing 0 %."""
    if not whole:
        return "none of 0"
    percent = f"{100 * part / whole:.0f}"
    if (percent == "100" and part < whole) or (percent == "0" and part > 0):
        percent = "over 99" if percent == "100" else "under 1"
    return f"{percent} % of {whole:,}"


def gib(size: float) -> str:
    """A size in bytes as `5.7 GiB`; small ones in MiB or KiB."""
    for unit, power in (("GiB", 30), ("MiB", 20)):
        if size >= 2**power / 10:
            return f"{size / 2**power:.1f} {unit}"
    return f"{size / 2**10:.0f} KiB"


def cut(text: str, most: int) -> str:
    """The text, with dots in place of its end where it has more than `most` characters."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def suggestion(name: str, known: Collection[str], prefix: str = "", more: str = "") -> str:
    """What a wrong name may stand for: `did you mean tiny?`, or all known names and `more` where none is near.

    `prefix` comes before the name that is suggested.
    """
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {prefix}{close[0]}?" if close else f"known: {', '.join(known)}{more}"
