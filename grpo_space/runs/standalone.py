"""Standalone evaluations: a base against any adapter of it, or against another model, without a training of ours.

Each is a run folder that is never trained: `evaluation.json` says what it evaluates, its log is the evaluation's. The
data decides what is asked: a preset brings its problems, system prompt and lengths along.
"""

from collections.abc import Sequence
from pathlib import Path

from grpo_space import paths
from grpo_space.config import GSM8K, DataSection, EvaluationSection, ModelSection, RunConfig
from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.formatting import suggestion
from grpo_space.presets import PRESETS, read_preset
from grpo_space.runs import adapters, data_report
from grpo_space.runs.evaluations import GSM8K_TEST, MOST_SAMPLES
from grpo_space.runs.events import EvaluationRequest
from grpo_space.runs.launch import start
from grpo_space.runs.run import Run, create_run

NAME = "evaluation"
ALL = 100_000
"""Problems at most, where nobody asks for fewer: all that there are."""


def config_of(request: EvaluationRequest, settings: Sequence[str] = ()) -> RunConfig:
    """The config by which a request's models are asked, with changed settings such as `model.load_in_4bit=true`.

    Raises:
        UserError: naming what cannot be.
    """
    preset = read_preset(request.data).run if is_preset(request.data) else None
    if preset is None:
        model, everything = ModelSection(id=request.base), EvaluationSection(problems=ALL, probe_problems=0)
        config = RunConfig(name=NAME, model=model, data=_data(request.data), evaluation=everything)
    else:
        own = adapters.is_base(request.base, preset.model)
        model = preset.model if own else preset.model.model_copy(update={"id": request.base, **OF_ONE_MODEL})
        config = preset.model_copy(update={"name": NAME, "model": model})
    limit = [f"evaluation.problems={request.limit}"] if request.limit is not None else []
    changed = override(config, [*settings, *limit])
    if _named(changed) != _named(config):
        raise UserError("--set: the model is named by --base, and the problems by --data: set neither otherwise")
    return changed


def _named(config: RunConfig) -> tuple[str | None, ...]:
    return config.model.id, config.data.path, config.data.test_path, config.data.id, config.data.generate


def is_preset(name: str) -> bool:
    """Whether problems are named by a preset."""
    return "/" not in name and (PRESETS / f"{name}.yaml").is_file()


OF_ONE_MODEL: dict[str, None] = {"revision": None, "base_id": None}
"""What a config says of its own model alone, and not of another one in its place."""


def _data(name: str) -> DataSection:
    """Where the problems come from, of a name that is no preset's."""
    if name == GSM8K_TEST:
        return GSM8K
    if Path(name).is_absolute():
        return DataSection(path=name, test_path=name)
    if not name or name.startswith((".", "~")) or name.endswith((".jsonl", ".json", ".txt")) or "/" not in name:
        known = sorted(path.stem for path in PRESETS.glob("*.yaml"))
        hint = suggestion(name, [*known, GSM8K_TEST], more=", a file, or user/name on the Hub")
        raise UserError(f"data {name}: is no preset, no file and no dataset on the Hub; {hint}")
    return DataSection(id=name, test_split="test")


def other_model(config: RunConfig, request: EvaluationRequest) -> RunConfig:
    """The config for the model in the tuned one's place: all the same but for the model."""
    other = config.model.model_copy(update={"id": request.tuned, **OF_ONE_MODEL})
    return config.model_copy(update={"model": other})


def check(config: RunConfig, request: EvaluationRequest) -> None:
    """Checks what can be checked here of a standalone evaluation, before anything is started.

    Raises:
        UserError: naming what was requested and cannot be.
    """
    if bool(request.adapter) == bool(request.tuned):
        both = "both are given: keep one" if request.adapter else "one of the two is needed"
        raise UserError(f"an adapter of {request.base}, or another model to compare it with: {both}")
    if not 1 <= request.samples <= MOST_SAMPLES:
        raise UserError(f"samples {request.samples}: 1 to {MOST_SAMPLES} are possible")
    if request.tuned:
        _check_model("tuned", other_model(config, request).model)
    _check_model("base", config.model)
    if request.adapter and Path(request.adapter).is_dir():
        adapters.check(Path(request.adapter), config.model, request.adapter)
    elif request.adapter.startswith((".", "/", "~")):
        raise UserError(f"adapter {request.adapter}: is not a folder")
    paths.check_files(config)
    if config.data.test_path is not None:
        data_report.of_file(paths.data_file(config.data.test_path, "data.test_path"))


def _check_model(what: str, model: ModelSection) -> None:
    try:
        paths.local_model(model)
    except UserError as error:
        raise UserError(*(f"{what} {one.message}" for one in error.by_field)) from None


def begin(run: Run, again: bool = False, token: str | None = None) -> None:
    """Starts a standalone evaluation, or takes it up where it was: answers are kept as they come. `again`: nothing that
    was measured before is used.

    Raises:
        UserError: where the machine is busy.
    """
    request = run.standalone
    assert request is not None
    start(run, "evaluate", str(run.log.path), request.model_dump_json(), "again" if again else "known", token=token)


def create(config: RunConfig, request: EvaluationRequest) -> Run:
    """Makes the folder of a standalone evaluation.

    Raises:
        UserError: where it cannot be made.
    """
    return create_run(config, standalone=request)
