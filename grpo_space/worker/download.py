"""Brings the base model's files to this disk, in sight and resumed after a cut, before the engine loads them."""

import contextlib
import hashlib
import re
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants
from huggingface_hub.errors import HFValidationError
from huggingface_hub.file_download import repo_folder_name, try_to_load_from_cache

from grpo_space import hub
from grpo_space.config import ModelSection
from grpo_space.errors import UserError
from grpo_space.formatting import gib
from grpo_space.paths import local_model

Progress = Callable[[int, int, float], None]
"""Bytes that are here, bytes in all, bytes a second."""

INFO_SECONDS = 10.0
LOOK_SECONDS = 1.0
RATE_SECONDS = 10.0
"""The rate is that of the last seconds: a slow start says little about what is to come."""
SMALL_FILES = ("*.json", "*.jinja", "*.model", "*.tiktoken", "merges.txt", "vocab.txt")
"""Config, tokenizer and chat template, where they lie beside the weights."""
TEMPLATES = "additional_chat_templates/*.jinja"


@dataclass(frozen=True)
class Downloaded:
    """A model whose files are on this disk."""

    folder: Path
    commit: str
    """Commit on the Hub, or a digest of a local folder's files."""


@dataclass(frozen=True)
class File:
    """A file of the model on the Hub, and where it comes to lie in the cache."""

    name: str
    size: int
    blob: Path
    """Where the cache keeps its content."""

    @property
    def incomplete(self) -> Path:
        """Where the Hub's client keeps the file until it is whole."""
        return self.blob.with_name(self.blob.name + ".incomplete")

    def here(self) -> int:
        """Bytes of the file that are on this disk."""
        for path in (self.blob, self.incomplete):
            with contextlib.suppress(FileNotFoundError):  # it is moved from one to the other
                return min(path.stat().st_size, self.size)
        return 0


def fetch(
    model: ModelSection, progress: Progress = lambda here, total, rate: None, token: str | None = None
) -> Downloaded:
    """Downloads the model. What is there already is not loaded again; `progress` is called only while something comes.

    Raises:
        UserError: where it cannot be had: no such model, gated, no network, no disk. What came is kept.
    """
    local = local_model(model)
    if local is not None:
        return Downloaded(local, digest(local))
    api = hub.api(token)
    try:
        with _in_words(model, token):
            ask = partial(api.model_info, model.id, revision=model.revision, files_metadata=True, timeout=INFO_SECONDS)
            info = hub.retried(ask, waits=() if _cached(model) else hub.WAITS)
    except UserError:
        cached = _cached(model)
        if cached is None:
            raise
        return cached  # no network, but all is here
    commit = str(info.sha)
    files = _files(model, info.siblings or [])
    with _in_words(model, token), _watched(files, progress):
        # requested by its branch, so that the cache learns which commit that is
        config = hub.retried(partial(api.hf_hub_download, model.id, "config.json", revision=model.revision))
        for file in files:
            hub.retried(partial(_one, api, model, commit, file), file.here)
    return Downloaded(Path(config).parent.parent / commit, commit)


def _cached(model: ModelSection) -> Downloaded | None:
    """The model as it is on this disk already, if it is whole."""
    with contextlib.suppress(HFValidationError):
        config = try_to_load_from_cache(model.id, "config.json", constants.HF_HUB_CACHE, model.revision)
        if isinstance(config, str):
            folder = Path(config).parent
            if needed([path.name for path in folder.iterdir() if path.exists()]):
                return Downloaded(folder, folder.name)
    return None


def _one(api: HfApi, model: ModelSection, commit: str, file: File) -> str:
    """Downloads the rest of one file. Raises what the client raises."""
    if file.incomplete.exists() and file.incomplete.stat().st_size > file.size:  # it can only be wrong
        file.incomplete.unlink()
    return api.hf_hub_download(model.id, file.name, revision=commit)


def _files(model: ModelSection, siblings: list[Any]) -> list[File]:
    """The files that have to be here, of a model that can be trained and has room on the disk."""
    names = needed([sibling.rfilename for sibling in siblings])
    if not any(sibling.rfilename == "config.json" for sibling in siblings):
        raise UserError(f"model.id: {model.id} is not a model that can be trained: it has no config.json")
    if not names:
        what = "only GGUF files" if any(s.rfilename.endswith(".gguf") for s in siblings) else "no weights"
        raise UserError(f"model.id: {model.id} holds {what}: take the repository with the model's safetensors")
    blobs = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=model.id, repo_type="model") / "blobs"
    files = [
        File(s.rfilename, s.size or 0, blobs / (s.lfs.sha256 if s.lfs else s.blob_id))
        for s in siblings
        if s.rfilename in names
    ]
    need = sum(file.size - file.here() for file in files)
    free = shutil.disk_usage(next(path for path in blobs.parents if path.exists())).free
    if need > free:
        raise UserError(
            f"model.id: {model.id} needs {gib(need)} more disk, and {gib(free)} are free in "
            f"{constants.HF_HUB_CACHE}: free some, or set HF_HOME to a larger disk"
        )
    return files


def needed(names: Collection[str]) -> set[str]:
    """The files that a run loads: weights once, config, tokenizer, chat template. None where there are no weights."""
    chosen = weights(names)
    small = {n for n in names if "/" not in n and any(fnmatch(n, pattern) for pattern in SMALL_FILES)}
    unused = {n for n in small if n.endswith(".index.json") and (len(chosen) == 1 or not _index_of(n, chosen))}
    return {*chosen, *(small - unused), *(n for n in names if fnmatch(n, TEMPLATES))} if chosen else set()


def weights(names: Collection[str]) -> set[str]:
    """The weight files that Transformers takes, if all of them are among the names: safetensors before pickles."""
    for stem, suffix in (("model", "safetensors"), ("pytorch_model", "bin")):
        if f"{stem}.{suffix}" in names:
            return {f"{stem}.{suffix}"}
        shards = {n: m for n in names if (m := re.fullmatch(rf"{stem}-\d+-of-(\d+)\.{suffix}", n))}
        if shards and f"{stem}.{suffix}.index.json" in names and len(shards) == int(next(iter(shards.values()))[1]):
            return set(shards)
    return set()


def _index_of(name: str, chosen: Collection[str]) -> bool:
    """Whether `model.safetensors.index.json` is the index of `model-00001-of-00002.safetensors` and the like."""
    stem, suffix = name.removesuffix(".index.json").split(".", 1)
    return any(n.startswith(f"{stem}-") and n.endswith(f".{suffix}") for n in chosen)


def digest(folder: Path) -> str:
    """Digest of the names and contents of a folder's files."""
    sha = hashlib.sha256()
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        sha.update(file.name.encode())
        with file.open("rb") as stream:
            sha.update(hashlib.file_digest(stream, "sha256").digest())
    return sha.hexdigest()[:16]


@contextlib.contextmanager
def _in_words(model: ModelSection, token: str | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # the client's errors are of this kind too
        if error.errno is not None and not isinstance(hub.spoken(error), hub.SPOKEN):
            where = f"could not be written to {constants.HF_HUB_CACHE}"
            raise UserError(f"model.id: {model.id} {where}: {error.strerror}") from None
        raise UserError(hub.reading_failed(error, "model.id", model.id, token=token, revision=model.revision)) from None
    except (*hub.SPOKEN, ValueError) as error:
        raise UserError(hub.reading_failed(error, "model.id", model.id, token=token)) from None


@contextlib.contextmanager
def _watched(files: list[File], progress: Progress) -> Iterator[None]:
    """Within, reports how much is here, from the sizes of the cache's files."""
    total, ended = sum(file.size for file in files), threading.Event()
    seen: deque[tuple[float, int]] = deque()

    def look() -> None:
        now, here = time.monotonic(), sum(file.here() for file in files)
        seen.append((now, here))
        while len(seen) > 2 and now - seen[0][0] > RATE_SECONDS:
            seen.popleft()
        seconds = now - seen[0][0]
        progress(here, total, (here - seen[0][1]) / seconds if seconds else 0.0)

    def keep_looking() -> None:
        while not ended.wait(LOOK_SECONDS):
            look()

    if sum(file.here() for file in files) == total:
        yield
        return
    look()
    watcher = threading.Thread(target=keep_looking, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        look()
