"""What a run folder says of the Job that trains it, where that is not this machine. No token."""

import shutil
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grpo_space.errors import UserError
from grpo_space.runs.run import Run
from grpo_space.whole_file import write_whole

FILE = "job.json"
FOLDER = ".job"
"""The folder within a run's in which what comes from its Job waits until it is whole; there as long as not all came."""
LIMIT = "limit"
"""The name of the alarm with which a Job says that its time limit is near."""
NAME = r"^[A-Za-z0-9][\w.-]*$"


class JobFile(BaseModel):
    """Where a run is trained: on which hardware, for how long, who pays, and which Job it is."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: Literal[1] = 1
    repository: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")
    """The private dataset repository that carries the run to the Job and back."""
    namespace: str = Field(pattern=NAME)
    """Who pays: a user or an organisation."""
    flavor: str = Field(pattern=NAME)
    """The Hub's name of the hardware, such as t4-small."""
    minutes: int = Field(ge=1)
    """The time limit of each Job of the run."""
    dollars_an_hour: float = 0.0
    job_id: str = Field("", pattern=r"^[\w-]*$")
    """The Job that was started last; empty: none was yet."""
    mark: str = Field("", pattern=r"^[0-9a-f]*$")
    """What tells that Job from all others: an argument of its command, and the content of its stop file."""
    began_at: int = 0
    """Bytes of the run's log before that Job: all that stands there beyond is its own, or about it."""


def job_of(run: Run) -> JobFile | None:
    """Where the run is trained; None: on this machine.

    Raises:
        UserError: where the file that says so is damaged.
    """
    file = run.folder / FILE
    try:
        return JobFile.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise UserError(f"{file}: cannot be read: which Job trains this run is not known") from error


def await_files(run: Run) -> None:
    """Makes the empty folder in which what comes from a new Job waits."""
    await_nothing(run)
    (run.folder / FOLDER).mkdir()


def await_nothing(run: Run) -> None:
    """Takes that folder away: all has come, or nothing will."""
    shutil.rmtree(run.folder / FOLDER, ignore_errors=True)


def write(run: Run, job: JobFile) -> None:
    """Puts what is known of the Job in the place of what was."""
    try:
        write_whole(run.folder / FILE, job.model_dump_json(indent=1))
    except OSError as error:
        raise UserError(f"{run.folder}: cannot be written ({error.strerror})") from error
