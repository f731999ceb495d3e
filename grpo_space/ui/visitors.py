"""What a public demo lets strangers do: start the tiny preset now and then, and take home what it made."""

import contextlib
import math
import shutil
import threading
import time

from grpo_space.errors import UserError
from grpo_space.runs.run import Run, all_runs, remove_run
from grpo_space.ui import downloads
from grpo_space.ui.guard.ration import Ration

MARK = "visitor"
"""An empty file in the folder of a run that a stranger started."""
KEPT_SECONDS = 3600.0
"""After its end: time to look at it and to download it."""
LOOK_SECONDS = 60.0


class Visitors:
    def __init__(self) -> None:
        self.starts = Ration(each=3, seconds=3600, in_all=12)

    def start(self, address: str) -> None:
        """
        Raises:
            UserError: where this caller, or all of them together, have started enough for now.
        """
        if wait := self.starts.take(address):
            raise UserError(
                f"Visitors have started {self.starts.each} runs from one address or {self.starts.in_all:.0f} in all "
                f"within an hour, the most of this demo: try again in {math.ceil(wait / 60)} min, or duplicate this "
                "Space to have one of your own."
            )

    def watch(self) -> None:
        """Removes their runs from now on, in the background."""
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            remove_old()
            time.sleep(LOOK_SECONDS)


def mark(run: Run) -> None:
    (run.folder / MARK).touch()


def remove_old(now: float | None = None) -> list[str]:
    """Removes the strangers' runs that ended KEPT_SECONDS ago; gives their names."""
    now = time.time() if now is None else now
    removed = []
    for run in all_runs():
        with contextlib.suppress(OSError, UserError):  # another one removes it in this moment, or works on it
            if (run.folder / MARK).exists() and now - _touched(run) > KEPT_SECONDS:
                remove_run(run)
                shutil.rmtree(downloads.folder(run), ignore_errors=True)
                removed.append(run.id)
    return removed


def _touched(run: Run) -> float:
    files = (run.folder / MARK, run.log.path)
    return max(file.stat().st_mtime for file in files if file.exists())
