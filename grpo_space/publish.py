"""Puts a run's adapter on the Hub with its evidence: file by file, then one commit, then looked at from there.

The token is an argument. It goes into no file, event, error or child.
"""

import hashlib
import io
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import EntryNotFoundError, HFValidationError, RepositoryNotFoundError
from huggingface_hub.utils._validators import validate_repo_id

from grpo_space import card, curve, hub, licence, runs
from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.paths import local_model
from grpo_space.runs import Run, locked

EVIDENCE = "evaluation.json"
"""Names the run: by it a repository is known as this run's own."""
MESSAGE = "Adapter, evidence and settings of {run}"
NOT_UPLOADED = {"README.md", "training_args.bin", ".gitattributes"}
"""Of the adapter's folder: TRL's card names a path of this machine, and ours takes its place."""


@dataclass(frozen=True)
class Sent:
    """How far the upload is."""

    file: str
    done: int
    total: int
    """Bytes of all files, and of them those that are on the Hub."""


Progress = Callable[[Sent], None]


@dataclass(frozen=True)
class Published:
    name: str
    link: str
    commit: str
    load: str
    """The lines of Python that load it."""
    private: bool
    note: str = ""
    """Why it could not be looked at from there, if so. Empty: it was loaded again, and is what was trained."""


class OccupiedError(UserError):
    """The repository holds something else: may it be replaced?"""


def proposed_name(user: str, config: RunConfig) -> str:
    """`<user>/<preset>-grpo-<dataset>`, as the Hub allows names, and as the base's licence wants them."""
    begin = licence.of(config.model).name_begins
    name = f"{config.name}-grpo-{_plain_name(card.dataset_of(config)) or 'data'}"
    if begin:
        name = begin + name[len(begin) :] if name.casefold().startswith(begin.casefold()) else f"{begin}-{name}"
    return f"{user}/{_plain_name(name)}"


def _plain_name(text: str) -> str:
    stem = re.sub(r"\.(jsonl?|parquet|csv)$", "", text.rpartition("/")[2])
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem)
    name = re.sub(r"[-.]{2,}", "-", name)[:80].strip("-._")
    return name.removesuffix(".git")


def checked_name(name: str, config: RunConfig) -> str:
    """
    Raises:
        UserError: where the Hub or the base's licence does not allow it.
    """
    try:
        validate_repo_id(name)
    except HFValidationError:
        name = "/"
    user, _, repo = name.partition("/")
    if not user or not repo or repo.endswith(".git"):
        raise UserError("NAME: is written user/name: letters, digits, dots, dashes and underscores, up to 96")
    begin = licence.of(config.model).name_begins
    if begin and not repo.startswith(begin):
        raise UserError(f"NAME: {name}: the base model's licence asks for a name that begins with {begin}")
    return name


def publish(
    run: Run,
    name: str,
    token: str | None,
    *,
    private: bool = False,
    replace: bool = False,
    merged: Path | None = None,
    progress: Progress = lambda sent: None,
) -> Published:
    """Uploads what is not there yet, in one commit, and looks at it from there. A second time it changes nothing.

    `replace`: even where the repository holds something else. `merged`: a folder with the whole model, to go up too.

    Raises:
        OccupiedError: where it does, and `replace` was not given.
        UserError: with the cause and the cure. The adapter stays where it is, and files that are up are not sent again.
    """
    config = run.config
    name = checked_name(name, config)
    if not token:
        raise UserError("publish: nobody is signed in: hf auth login, or the button above on a Space")
    if run.status() == "running":
        raise UserError(f"{run.id}: is running: it can be published when it is done")
    if not (run.adapter / "adapter_model.safetensors").is_file():
        raise UserError(f"{run.id}: has no adapter yet: train it to its end, or stop it, which saves one")
    api = hub.api(token)
    with (
        locked(run.folder / "publish.lock") as mine,
        _in_words(run, name, token),
        tempfile.TemporaryDirectory() as folder,
    ):
        if not mine:
            raise UserError(f"{run.id}: is being published already: wait for it")
        hub.retried(api.whoami)
        private = _repository(api, run, name, private, replace)
        files = gather(run, name, Path(folder), merged)
        commit = _upload(api, run, name, files, progress)
        note = _look(api, run, name, commit, files, Path(folder) / "again")
    return Published(name, hub.page(name), commit, card.load_lines(config, name), private, note)


def _repository(api: HfApi, run: Run, name: str, private: bool, replace: bool) -> bool:
    """Makes it, or looks whether it may be written. Gives whether it is private."""
    try:
        info = hub.retried(lambda: api.model_info(name))
    except RepositoryNotFoundError:
        hub.retried(lambda: api.create_repo(name, private=private, exist_ok=True))
        return private
    if private and not info.private:
        raise UserError(
            f"NAME: {name} is public: make it private first at {hub.page(name)}/settings, or take another name"
        )
    names = {sibling.rfilename for sibling in info.siblings or []} - {".gitattributes"}
    if names and not replace and (EVIDENCE not in names or _run_of(api, name, str(info.sha)) != run.id):
        raise OccupiedError(f"NAME: {name} holds something else already: take another name, or replace it (--replace)")
    return bool(info.private)


def _run_of(api: HfApi, name: str, commit: str) -> str | None:
    """Whose evidence a repository holds."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = hub.retried(lambda: api.hf_hub_download(name, EVIDENCE, revision=commit, local_dir=folder))
            said = json.loads(Path(file).read_text(encoding="utf-8"))
    except (EntryNotFoundError, ValueError):
        return None
    return said.get("run") if isinstance(said, dict) else None


def gather(run: Run, name: str, folder: Path, merged: Path | None = None) -> dict[str, Path]:
    """What goes up: path in the repository to file. What is made here is written into `folder`.

    Raises:
        UserError: where the adapter is not whole.
    """
    config, history = run.config, run.history()
    files = {p.name: p for p in sorted(run.adapter.iterdir()) if p.is_file() and p.name not in NOT_UPLOADED}

    def made(path: str, content: bytes) -> None:
        files[path] = folder / path.replace("/", "_")
        files[path].write_bytes(content)

    made("adapter_config.json", _adapter_config(run.adapter / "adapter_config.json", config, name))
    made("config.yaml", card.public_yaml(config).encode())
    made(EVIDENCE, json.dumps(card.evidence(run), ensure_ascii=False, indent=1).encode(errors="replace"))
    picture = curve.png(
        [(step.step, step.metrics.get("reward", float("nan"))) for step in history.steps],
        [(probe.step, probe.correct / probe.n) for probe in history.probes if probe.n],
    )
    if picture:
        made(card.CURVE, picture)
    made("README.md", str(card.card(run, name, merged is not None)).encode(errors="replace"))
    if benchmark := card.benchmark(config, run.evaluation(), name):
        made(".eval_results/gsm8k.yaml", benchmark.encode())
    if notice := licence.of(config.model).notice:
        made("NOTICE", f"{notice}\n".encode())
    base = local_model(config.model) if card.is_local(config) else None
    for prefix, source in (("base", base), ("merged", merged)):
        files |= {f"{prefix}/{p.name}": p for p in sorted(source.iterdir()) if p.is_file()} if source else {}
    return files


def _adapter_config(file: Path, config: RunConfig, name: str) -> bytes:
    """As it was saved, but naming a base that others have."""
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: is not an adapter's config: {error}") from None
    said["base_model_name_or_path"] = name if card.is_local(config) else card.base_of(config)
    return json.dumps(said, indent=2, sort_keys=True).encode()


class Counted(io.BufferedReader):
    """A file that says how far it was read: the client has no other word of an upload's progress."""

    told: Callable[[int], None] = staticmethod(lambda position: None)

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.told(self.tell())
        return data


@dataclass
class Upload:
    """One upload's progress over all its files."""

    sizes: dict[str, int]
    progress: Progress
    here: dict[str, int] = field(default_factory=dict)

    def tell(self, file: str, position: int) -> None:
        self.here[file] = max(position, self.here.get(file, 0))
        self.progress(Sent(file, sum(self.here.values()), sum(self.sizes.values())))


def _upload(api: HfApi, run: Run, name: str, files: dict[str, Path], progress: Progress) -> str:
    """One file after another, then one commit of what changed. Gives the commit that holds all of it."""
    head = hub.retried(lambda: api.model_info(name, files_metadata=True))
    changed = _changed(files, head.siblings or [])
    upload = Upload({path: files[path].stat().st_size for path in changed}, progress)
    if not changed:
        return str(head.sha)
    operations = []
    for path in changed:
        operations.append(_send(api, name, path, files[path], upload))
        upload.tell(path, upload.sizes[path])
    message = MESSAGE.format(run=run.id) + (f": {', '.join(changed)}" if len(changed) <= 3 else "")

    def commit() -> str:
        now = api.model_info(name, files_metadata=True)
        if not _changed(files, now.siblings or []):  # it was made, and only its answer was lost
            return str(now.sha)
        fresh = [_fresh(operation, files) for operation in operations]
        return str(api.create_commit(name, fresh, commit_message=message, parent_commit=now.sha).oid)

    return hub.retried(commit)


def _send(api: HfApi, name: str, path: str, file: Path, upload: Upload) -> CommitOperationAdd:
    """A large file goes up now; a small one with the commit."""

    def send() -> CommitOperationAdd:
        with Counted(file.open("rb", buffering=0)) as stream:
            operation = CommitOperationAdd(path, stream)
            stream.told = lambda position: upload.tell(path, position)
            api.preupload_lfs_files(name, [operation], free_memory=False)
        return operation

    return hub.retried(send, here=lambda: upload.here.get(path, 0))


def _fresh(operation: CommitOperationAdd, files: dict[str, Path]) -> CommitOperationAdd:
    """An operation can be committed once only. What it was about stays known: it is not sent again."""
    fresh = CommitOperationAdd(operation.path_in_repo, files[operation.path_in_repo])
    fresh._upload_mode, fresh._is_uploaded = operation._upload_mode, operation._is_uploaded
    fresh._should_ignore, fresh._remote_oid = operation._should_ignore, operation._remote_oid
    return fresh


def _changed(files: dict[str, Path], siblings: Sequence[Any]) -> list[str]:
    """The files that are not on the Hub as they are here, the largest last: what is wrong shows early."""
    there = {sibling.rfilename: (sibling.lfs.sha256 if sibling.lfs else sibling.blob_id) for sibling in siblings}
    changed = [path for path, file in files.items() if there.get(path) not in (sha256(file), git_hash(file))]
    return sorted(changed, key=lambda path: files[path].stat().st_size)


def sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def git_hash(file: Path) -> str:
    with file.open("rb") as stream:
        sha = hashlib.sha1(b"blob %d\0" % file.stat().st_size)
        while data := stream.read(2**20):
            sha.update(data)
    return sha.hexdigest()


def _look(api: HfApi, run: Run, name: str, commit: str, files: dict[str, Path], folder: Path) -> str:
    """Comes the adapter back as it went, and does it load onto its base? Says why that is not known, if so.

    Raises:
        UserError: where it does not.
    """
    for path in ("adapter_config.json", "adapter_model.safetensors"):
        came = Path(hub.retried(partial(api.hf_hub_download, name, path, revision=commit, local_dir=folder)))
        if sha256(came) != sha256(files[path]):
            raise UserError(f"{name}: {path} came back from the Hub changed: publish it again")
    shutil.copyfile(
        run.adapter / "adapter_config.json", folder / "adapter_config.json"
    )  # onto the base that it has here
    try:
        runs.verify(run, folder)
    except runs.BusyError as error:
        return f"It came back from the Hub unchanged; whether it loads was not tried: {error}"
    return ""


@contextmanager
def _in_words(run: Run, name: str, token: str) -> Iterator[None]:
    """What the client raises, as a line with the cause and the cure, without the token. Nothing else goes with it."""
    try:
        yield
    except (*hub.SPOKEN, RuntimeError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise
        kept = f"The adapter is safe in {run.folder}."
        raise UserError(f"{hub.writing_failed(error, name, token)} {hub.without_token(kept, token)}") from None
