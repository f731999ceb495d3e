"""The files that a browser may name on this machine: what it uploaded, and what presets and past runs name already."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from grpo_space.config import RunConfig
from grpo_space.config_io import parse
from grpo_space.errors import Problem, UserError
from grpo_space.foreign import parse_yaml
from grpo_space.paths import folder
from grpo_space.presets import preset_names, read_preset
from grpo_space.runs import data_report, starting_adapter, trust
from grpo_space.runs.run import all_runs, runs_folder
from grpo_space.tasks.problems import digest
from grpo_space.tasks.table_file import PIECE, refuse_other_forms, unpacked_start
from grpo_space.whole_file import whole

MOST_BYTES = 50 * 2**20
PROBLEM_FILES = [".jsonl", ".json", ".ndjson", ".txt", ".csv", ".tsv", ".md", ".parquet", ".gz"]
"""The endings of files of problems. What is in one is found by its content."""
MOST_YAML_BYTES = 64 * 2**10
DEEPEST = 10
YOURS = "your file"
"""What an upload is called on the page when its own name is not known any more: the copy has a digest for its name."""
HUB_NAME = re.compile(r"\w[\w.-]{0,95}(/\w[\w.-]{0,95})?", re.ASCII)


def keep_rows(file: Path) -> tuple[str, int]:
    """Keeps a copy of an uploaded file of problems beside the runs, and looks at it. Gives its path, and how many
    problems it holds.

    Raises:
        UserError: where it is too large, or naming each line that is no problem with an answer, by its number.
    """
    kept, new = keep(file)
    try:
        return str(kept), data_report.of_file(kept).rows
    except UserError as error:
        if new:
            kept.unlink()
        raise in_its_name(error, kept, file.name) from None


def in_its_name(error: UserError, kept: Path, name: str) -> UserError:
    """The same error, with the name that the file had before a copy of it was kept."""
    return UserError(*(Problem(one.field, one.message.replace(kept.name, name)) for one in error.by_field))


def keep(file: Path) -> tuple[Path, bool]:
    """Keeps a copy of an uploaded file of problems beside the runs, named by what is in it: a run still finds it when
    it is resumed. Gives its path, and whether it is new.

    Raises:
        UserError: where it is too large, or nothing that holds problems.
    """
    size = file.stat().st_size
    if size > MOST_BYTES:
        raise UserError(
            f"{file.name}: has {size / 2**20:.0f} MB, and {MOST_BYTES // 2**20} MB are the most for an upload; "
            "put larger ones on the Hugging Face Hub"
        )
    if size == 0:
        raise UserError(f"{file.name}: is empty")
    content = file.read_bytes()
    refuse_other_forms(file.name, unpacked_start(file.name, content[:PIECE]))
    endings = "".join(ending.lower() for ending in file.suffixes[-2:] if ending.lower() in PROBLEM_FILES)
    kept = runs_folder() / "data" / f"{digest(content)}{endings or '.jsonl'}"
    kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # what somebody uploads is nobody else's here
    new = not kept.exists()
    with whole(kept) as half:
        half.write(content)
    return kept, new


def read_config(file: Path) -> RunConfig:
    """Reads an uploaded config: what `config.yaml` of a run holds, or a preset with it under `run:`.

    Raises:
        UserError: with every problem, those with paths on this machine too.
    """
    if file.stat().st_size > MOST_YAML_BYTES:
        raise UserError(f"{file.name}: is larger than {MOST_YAML_BYTES // 2**10} kB, which no config is")
    try:
        text = file.read_text(encoding="utf-8")
        _refuse_what_grows(text, file.name)
        data = parse_yaml(text, file.name)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        raise UserError(f"{file.name}: is not YAML" + (f" (line {where.line + 1})" if where else "")) from error
    config = parse(data["run"] if isinstance(data, dict) and isinstance(data.get("run"), dict) else data)
    refuse_strange_paths(config)
    return config


def _refuse_what_grows(text: str, name: str) -> None:
    """A few lines of YAML can stand for gigabytes, or take hours to read."""
    depth = 0
    for event in yaml.parse(text):
        if isinstance(event, yaml.AliasEvent):
            raise UserError(f"{name}: YAML's anchors and aliases are not read here")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise UserError(f"{name}: is nested deeper than any config")


def on_the_hub(name: str) -> bool:
    """Whether a text is a name on the Hub, and no path on this machine."""
    return bool(HUB_NAME.fullmatch(name)) and ".." not in name and not (folder(name).exists() or Path(name).exists())


def refuse_strange_paths(config: RunConfig) -> None:
    """Refuses a config with paths that a browser may not name, or that lets programs run where nothing isolates them.

    Raises:
        UserError: naming each path that no upload, no preset and no past run put there.
    """
    if config.data.run_code != "isolated":
        raise UserError(Problem("data.run_code", f"{config.data.run_code!r} can only be said on the command line"))
    strange = {path: field for field, path in paths(config) if not _uploaded(path)}
    for name in preset_names():
        _forget(strange, read_preset(name).run)
    for run in all_runs() if strange else []:
        with contextlib.suppress(UserError):  # written by another version: it names nothing that we know
            if not trust.is_foreign(run):  # else its config was written by others
                _forget(strange, run.config)
    advice = {
        "data.path": "upload the file under Data",
        "data.test_path": "upload the file under Data",
        "model.id": "from a browser a model is a name on the Hugging Face Hub",
        "data.id": "from a browser a dataset is a name on the Hugging Face Hub, or an upload",
        starting_adapter.FIELD: "from a browser an adapter is a run's name here, or a name on the Hugging Face Hub",
        "rewards": "a reward of your own is code: name its file on the command line",
        "data.verifier": "a verifier of your own is code: name its file on the command line",
    }
    if strange:
        raise UserError(
            *(Problem(field, f"{path[:80]!r} is a path; {advice[field]}") for path, field in strange.items())
        )


def _forget(strange: dict[str, str], config: RunConfig) -> None:
    for _, path in paths(config):
        strange.pop(path, None)


def paths(config: RunConfig) -> Iterator[tuple[str, str]]:
    """Every path that a config names, by its field."""
    if not on_the_hub(config.model.id):
        yield "model.id", config.model.id
    if config.data.id and not on_the_hub(config.data.id):
        yield "data.id", config.data.id
    if config.data.path:
        yield "data.path", config.data.path
    if config.data.test_path:
        yield "data.test_path", config.data.test_path
    start = config.lora.start
    if start is not None and not on_the_hub(start) and not starting_adapter.is_run(start):
        yield starting_adapter.FIELD, start
    for name in config.rewards:
        if ".py:" in name:
            yield "rewards", name
    if config.data.verifier:
        yield "data.verifier", config.data.verifier


def shown_name(path: str) -> str:
    """What a file of problems is called on the page."""
    return YOURS if _uploaded(path) else path


def _uploaded(path: str) -> bool:
    try:
        file = Path(path).resolve()
        return file.parent == (runs_folder() / "data").resolve() and file.is_file()
    except (OSError, ValueError):  # too long for a path, or a zero in it
        return False
