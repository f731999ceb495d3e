"""Trains a run as a worker's child does, on a disk that stops in the middle of a checkpoint's save: again and again,
each time at another file.

python -m tests.support.cut_saves DIR STOP...

STOP: `3` is killed before the fourth file of a save is written, `3h` too, and the third is half there. Each attempt
saves a checkpoint and is killed within the next one's save; a last one is left alone. Prints where each was killed, and
its exit status. The attempts are forked off, so that torch is imported once.
"""

import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft.peft_model
import torch

import grpo_space.worker.train  # noqa: F401 - what takes seconds, before the forks
from grpo_space.runs.launch import PARENT
from grpo_space.runs.run import Run
from grpo_space.worker import child

WRITES = os.O_WRONLY | os.O_RDWR


class Disk:
    """Stops at the file `stop` of the second save beyond step `begin`; `half`: and the file before is half there."""

    def __init__(self, begin: int, stop: int, half: bool) -> None:
        self.begin, self.stop, self.half = begin, stop, half
        self.saves: list[int] = []
        self.files: list[Path] = []

    def writes(self, path: object) -> None:
        """Called before a file is written, renamed or taken away."""
        found = re.search(r"/checkpoint-(\d+)/[^/]+$", str(path))
        if found is None or (step := int(found[1])) <= self.begin:
            return
        if step not in self.saves:
            self.saves.append(step)
        if step == self.saves[0]:
            return
        if len(self.files) >= self.stop and self.files[-1:] != [Path(str(path))]:
            self.kill(Path(str(path)))
        self.files.append(Path(str(path)))

    def kill(self, before: Path) -> None:
        last = self.files[-1] if self.files else None
        if self.half and last is not None and last.exists():
            os.truncate(last, last.stat().st_size // 2)
        print("killed before", before.name, "half" if self.half else "whole", last.name if last else "-", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """From now on every write of this process is seen: Python's by an audit hook, the others at their callers."""

        def audit(event: str, arguments: tuple[Any, ...]) -> None:
            if event == "open" and arguments[2] is not None and arguments[2] & WRITES:
                self.writes(arguments[0])
            elif event == "os.rename":
                self.writes(arguments[1])
            elif event == "os.remove":
                self.writes(arguments[0])

        def seen(save: Callable[..., Any], number: int) -> Callable[..., Any]:
            def saved(*arguments: Any, **options: Any) -> Any:
                self.writes(arguments[number])
                return save(*arguments, **options)

            return saved

        torch.save = seen(torch.save, 1)
        peft.peft_model.safe_save_file = seen(peft.peft_model.safe_save_file, 1)
        sys.addaudithook(audit)


def main(folder: str, *stops: str) -> None:
    os.environ[PARENT] = str(os.getpid())
    for stop in (*stops, None):
        forked = os.fork()
        if forked == 0:
            torch.set_num_threads(1)
            if stop is not None:
                begin = Run(Path(folder)).last_checkpoint() or 0
                Disk(begin, int(stop.removesuffix("h")), half=stop.endswith("h")).watch()
            os._exit(child.main("train", folder))
        print("ended with", os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
