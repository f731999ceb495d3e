"""How figures are said."""

import math
import os
import re
import shutil
import sys


def plain(text: str) -> str:
    """Without control characters, which a terminal would obey. Line breaks and tabs stay."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\N{REPLACEMENT CHARACTER}", text)


def command(rest: str) -> str:
    """What to type: with the Python that runs now, which need not be the one that `python` is."""
    python = "python" if shutil.which("python") == sys.executable else os.path.relpath(sys.executable)
    return f"{python if not python.startswith('..') else sys.executable} -m grpo_space {rest}"


def number(value: float, digits: int = 2) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 5 min`"""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes} min {seconds} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def roughly(seconds: float) -> str:
    """As exact as a guess may sound: `20 s`, `a minute`, `7 min`, `40 min`, `4.5 h`, `12 h`."""
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
    """`25 % of 128`"""
    return f"{100 * part / whole:.0f} % of {whole}" if whole else "none of 0"


def gib(size: float) -> str:
    """`5.7 GiB`, and smaller ones as MiB or KiB."""
    for unit, power in (("GiB", 30), ("MiB", 20)):
        if size >= 2**power / 10:
            return f"{size / 2**power:.1f} {unit}"
    return f"{size / 2**10:.0f} KiB"
