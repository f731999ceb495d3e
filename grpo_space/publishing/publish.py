"""Publishes a run's adapter on the Hub with its evidence: file by file, then one commit, then loaded from there again.

The token is an argument. It goes into no file, event, error or child.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import EntryNotFoundError, HFValidationError, RepositoryNotFoundError
from huggingface_hub.utils._validators import validate_repo_id

from grpo_space import hub
from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.foreign import read_json_file
from grpo_space.hub_upload import Progress, sha256, upload
from grpo_space.paths import local_model
from grpo_space.planning import merge_check
from grpo_space.publishing import card, eval_results, licence, reward_curve
from grpo_space.results.control import is_control
from grpo_space.runs import launch, trained_with
from grpo_space.runs.events import reward_of
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run

EVIDENCE = "evaluation.json"
"""The file that names the run: by it a repository is known as this run's own."""
MESSAGE = "Adapter, evidence and settings of {run}"
NOT_UPLOADED = {"README.md", "training_args.bin", ".gitattributes"}
"""Files of the adapter's folder that stay here: TRL's card names a path of this machine, and ours takes its place."""


@dataclass(frozen=True)
class Published:
    """An adapter on the Hub."""

    name: str
    """The repository's, `user/name`."""
    link: str
    commit: str
    load: str
    """The lines of Python that load it."""
    private: bool
    note: str = ""
    """Why it could not be loaded from there, if so. Empty: it was, and is what was trained."""


class OccupiedError(UserError):
    """The repository holds something else, which a person must allow to be replaced."""


def proposed_name(user: str, config: RunConfig) -> str:
    """A name for the repository, `<user>/<preset>-grpo-<dataset>`, as the Hub and the base's licence allow it."""
    begin = licence.of(config.model).name_begins
    kind = "control" if is_control(config) else "grpo"
    name = f"{config.name.removesuffix('-control')}-{kind}-{_plain_name(card.dataset_of(config)) or 'data'}"
    if begin:
        name = begin + name[len(begin) :] if name.casefold().startswith(begin.casefold()) else f"{begin}-{name}"
    return f"{user}/{_plain_name(name)}"


def _plain_name(text: str) -> str:
    stem = re.sub(r"\.(jsonl?|parquet|csv)$", "", text.rpartition("/")[2])
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem)
    name = re.sub(r"[-.]{2,}", "-", name)[:80].strip("-._")
    return name.removesuffix(".git")


def checked_name(name: str, config: RunConfig) -> str:
    """A repository's name, once it is known to be allowed.

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
    merged: bool = False,
    progress: Progress = lambda sent: None,
) -> Published:
    """Uploads what is not there yet, in one commit, and loads it from there. A second time it changes nothing.

    `replace`: even where the repository holds something else. `merged`: the whole model in 16 bits goes up too.

    Raises:
        OccupiedError: where it holds something else, and `replace` was not given.
        UserError: with the cause and the cure. The adapter stays where it is, and files that are up are not sent again.
    """
    if run.standalone is not None:
        raise UserError(f"{run.id}: is an evaluation, which trains no adapter: name a training")
    config = run.config
    name = checked_name(name, config)
    if not token:
        raise UserError("publish: nobody is signed in: hf auth login, or the button above on a Space")
    if not (run.adapter / "adapter_model.safetensors").is_file():
        raise UserError(f"{run.id}: has no adapter yet: train it to its end, or stop it, which saves one")
    trained_with.check(run)
    api = hub.api(token)
    with (
        locked(run.folder / "publish.lock") as mine,
        in_words(run, name, token),
        tempfile.TemporaryDirectory() as folder,
    ):
        if not mine:
            raise UserError(f"{run.id}: is being published already: wait for it")
        if run.status() == "running":
            raise UserError(f"{run.id}: is running: it can be published when it is done")
        if merged:
            merge_check.check(config, Path(folder))
        hub.retried(api.whoami)
        private = _repository(api, run, name, private, replace)
        whole = Path(folder) / "merged" if merged else None
        if whole is not None:
            launch.merge(run, whole, token, progress)
        files = gather(run, name, Path(folder), whole)
        commit = upload(api, name, files, MESSAGE.format(run=run.id), progress)
        note = _look(run, name, commit, files, Path(folder) / "again", token)
    load = card.load_lines(card.as_trained(run, run.history()), name)
    return Published(name, hub.page(name), commit, load, private, note)


def _repository(api: HfApi, run: Run, name: str, private: bool, replace: bool) -> bool:
    """Makes the repository, or checks that it may be written. Gives whether it is private."""
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
    """The run whose evidence a repository holds; None: there is none."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = hub.retried(lambda: api.hf_hub_download(name, EVIDENCE, revision=commit, local_dir=folder))
            evidence = read_json_file(Path(file))
    except (EntryNotFoundError, UserError):
        return None
    return evidence.get("run") if isinstance(evidence, dict) else None


def gather(run: Run, name: str, folder: Path, merged: Path | None = None) -> dict[str, Path]:
    """The files that go up: path in the repository to file. What is made here is written into `folder`.

    Raises:
        UserError: where the adapter is not whole.
    """
    history = run.history()
    config = card.as_trained(run, history)
    files = {p.name: p for p in sorted(run.adapter.iterdir()) if p.is_file() and p.name not in NOT_UPLOADED}

    def made(path: str, content: bytes) -> None:
        files[path] = folder / path.replace("/", "_")
        files[path].write_bytes(content)

    made("adapter_config.json", _adapter_config(run.adapter / "adapter_config.json", config, name))
    made("config.yaml", card.public_yaml(config).encode())
    made(EVIDENCE, json.dumps(card.evidence(run), ensure_ascii=False, indent=1).encode(errors="replace"))
    picture = reward_curve.png(
        [(step.step, reward_of(step)) for step in history.steps],
        [(probe.step, probe.correct / probe.n) for probe in history.probes if probe.n],
    )
    if picture:
        made(card.CURVE, picture)
    made("README.md", str(card.card(run, name, merged is not None)).encode(errors="replace"))
    for path, content in eval_results.files(run, name).items():
        made(path, content.encode())
    terms = licence.of(config.model)
    if terms.notice:
        made("NOTICE", f"{terms.notice}\n".encode())
    if terms.text:
        made("LICENSE", terms.text.read_bytes())
    base = local_model(config.model) if card.is_local(config) else None
    for prefix, source in (("base", base), ("merged", merged)):
        files |= {f"{prefix}/{p.name}": p for p in sorted(source.iterdir()) if p.is_file()} if source else {}
    return files


def _adapter_config(file: Path, config: RunConfig, name: str) -> bytes:
    """The adapter's config as it was saved, but naming a base that others have."""
    known = read_json_file(file)
    if not isinstance(known, dict):
        raise UserError(f"{file}: is not an adapter's config")
    known["base_model_name_or_path"] = name if card.is_local(config) else card.base_of(config)
    return json.dumps(known, indent=2, sort_keys=True).encode()


def _look(run: Run, name: str, commit: str, files: dict[str, Path], folder: Path, token: str) -> str:
    """Checks that the adapter comes back as it went, and loads onto its base. Says why that is not known, if so.

    Raises:
        UserError: where it comes back changed.
    """
    api = hub.api(token)
    for path in ("adapter_config.json", "adapter_model.safetensors"):
        came = Path(hub.retried(partial(api.hf_hub_download, name, path, revision=commit, local_dir=folder)))
        if sha256(came) != sha256(files[path]):
            raise UserError(f"{name}: {path} came back from the Hub changed: publish it again")
    config = "adapter_config.json"
    shutil.copyfile(run.adapter / config, folder / config)  # it names the base that is here
    try:
        launch.verify(run, folder, token)
    except UserError as error:  # the machine is busy, or the base cannot be had: it is on the Hub all the same
        return f"It came back from the Hub unchanged; whether it loads is not known: {error}"
    return ""


@contextmanager
def in_words(run: Run, name: str, token: str) -> Iterator[None]:
    """Turns what the client raises into a line with the cause and the cure, without the token. Nothing else goes with
    it.
    """
    try:
        yield
    except (*hub.SPOKEN, RuntimeError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise
        kept = f"The run is safe in {run.folder}."
        raise UserError(f"{hub.writing_failed(error, name, token)} {hub.without_token(kept, token)}") from None
