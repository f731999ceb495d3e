"""Brings a run's repository into its folder here: only what may come out of a backup, and a checkpoint whole or not at
all. A file is fetched in one call, and not at all where the same content is here already.
"""

import math
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_url

from grpo_space import hub
from grpo_space.errors import UserError
from grpo_space.hub_upload import is_there
from grpo_space.runs import archive, checkpoints, groups
from grpo_space.runs.job_file import FOLDER
from grpo_space.runs.run import Run

LOG = "worker.log"


class Mirror:
    """A run's repository and its folder here."""

    def __init__(self, run: Run, repository: str, token: str) -> None:
        self.run, self.repository, self.token = run, repository, token
        self.commit = ""
        """The repository's last commit that was looked at."""
        self._listed: dict[str, Any] = {}

    @property
    def raw(self) -> Path:
        """The Job's own events, byte for byte, from where it began."""
        return self.run.folder / FOLDER / self.run.log.path.name

    def look(self) -> bool:
        """Whether the repository has changed since the last look."""
        client = hub.api(self.token)
        info = hub.retried(partial(client.dataset_info, self.repository, files_metadata=True))
        changed, self.commit = info.sha != self.commit, str(info.sha)
        kept = [s for s in info.siblings or [] if archive.is_kept(s.rfilename) or s.rfilename == LOG]
        self._listed = {sibling.rfilename: sibling for sibling in kept}
        archive.check_room(self.repository, {path: s.size or 0 for path, s in self._listed.items()}, self.run.folder)
        return changed

    def fill(self, began_at: int) -> None:
        """Appends to the Job's events what the repository has of them beyond what came by the log."""
        sibling, size = self._listed.get(self.run.log.path.name), self.raw.stat().st_size if self.raw.exists() else 0
        if sibling is None or (sibling.size or 0) <= began_at + size:
            return
        with self._fetched(self.run.log.path.name).open("rb") as whole, self.raw.open("ab") as raw:
            whole.seek(began_at + size)
            shutil.copyfileobj(whole, raw)

    def bring_groups(self) -> None:
        """Brings the file of groups, as far as it is there."""
        sibling, here = self._listed.get(groups.FILE), self.run.folder / groups.FILE
        if sibling is not None and not (here.exists() and is_there(here, sibling)):
            self._fetched(groups.FILE).replace(here)

    def bring_everything(self) -> None:
        """Brings groups, adapter and checkpoints; those that the repository has no more go. The log is appended."""
        self.bring_groups()
        folders = {path.rpartition("/")[0] for path in self._listed if path.startswith(("adapter/", "checkpoints/"))}
        for folder in sorted(folders):
            self._bring_folder(folder)
        for step in checkpoints.steps(self.run.checkpoints):
            here = checkpoints.folder_of(self.run.checkpoints, step)
            if here.relative_to(self.run.folder).as_posix() not in folders and folders:
                shutil.rmtree(here)
        if LOG in self._listed:
            with self.run.worker_log.open("ab") as log:
                log.write(self._fetched(LOG).read_bytes())
        shutil.rmtree(self.run.folder / FOLDER / "new", ignore_errors=True)

    def _bring_folder(self, folder: str) -> None:
        files = {path: sibling for path, sibling in self._listed.items() if path.rpartition("/")[0] == folder}
        here = self.run.folder / folder
        if all((file := self.run.folder / path).is_file() and is_there(file, s) for path, s in files.items()):
            return
        fetched = [self._fetched(path) for path in files]
        made = fetched[0].parent
        step = folder.rpartition("-")[2]
        if step.isdecimal() and checkpoints.damage(made, int(step)):
            return  # it was being written when its Job ended
        shutil.rmtree(here, ignore_errors=True)
        here.parent.mkdir(parents=True, exist_ok=True)
        made.replace(here)

    def _fetched(self, path: str) -> Path:
        """A file as it is in the repository, beside the run's own."""
        sibling, made = self._listed[path], self.run.folder / FOLDER / "new" / path
        made.parent.mkdir(parents=True, exist_ok=True)
        for same in [p for p, s in self._listed.items() if _content(s) == _content(sibling)]:
            if (here := self.run.folder / same).is_file() and is_there(here, sibling):
                shutil.copyfile(here, made)
                return made
        hub.retried(partial(download, self.repository, path, made, self.token, self.commit))
        if not is_there(made, sibling):
            raise UserError(f"{self.repository}: {path} did not come as the Hub lists it: try again")
        return made


def _content(sibling: Any) -> str:
    """What is the same for the same content."""
    return str(sibling.lfs.sha256 if sibling.lfs else sibling.blob_id)


def download(
    repository: str, path: str, file: Path, token: str | None, revision: str = "main", most: float = math.inf
) -> None:
    """One file of a repository, in one call: the client's own way asks for its properties first. A UserError where it
    has more than `most` bytes.
    """
    endpoint = hub.api(None).endpoint
    address = hf_hub_url(repository, path, repo_type="dataset", revision=revision, endpoint=endpoint)
    with hub.opened("GET", address, token) as response, file.open("wb") as made:
        for data in response.iter_content(2**20):
            made.write(data)
            if made.tell() > most:
                raise UserError(f"{repository}: {path} has more than {most:,} bytes, so it is not read")
