"""What a run is made of. A field's docstring is its help on the command line and in the app."""

import contextlib
import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from grpo_space.errors import UserError
from grpo_space.rules import broken_rules


def _no_bool(value: object) -> object:
    """YAML reads `yes` and `on` as true, which pydantic would take for 1."""
    if isinstance(value, bool):
        raise ValueError("should be a number, not true or false")
    return value


Int = Annotated[int, BeforeValidator(_no_bool)]
Float = Annotated[float, BeforeValidator(_no_bool)]


class Section(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=(), allow_inf_nan=False
    )


class ModelSection(Section):
    id: str = Field(min_length=1)
    """The base model: a folder that holds it, or its name on the Hugging Face Hub."""
    revision: str | None = Field(None, min_length=1)
    """Branch, tag or commit of the model on the Hub. None: the newest."""
    base_id: str | None = Field(None, min_length=1)
    """The name that the adapter gives for its base, where `id` is a quantised copy of it. None: `id`."""
    load_in_4bit: bool = False
    """Keep the base's weights in 4 bits (NF4): a quarter of the memory. Needs a CUDA GPU."""
    max_seq_length: Int = Field(1024, ge=64, le=131_072)
    """Longest prompt and completion together, in tokens."""


class DataSection(Section):
    path: str | None = Field(None, min_length=1)
    """A file of JSON lines with `question` and `answer` (GSM8K's worked solution with `#### 12`, or a bare answer)."""
    test_path: str | None = Field(None, min_length=1)
    """A file like `path` with the problems to evaluate on. None: they are held out of `path`."""
    id: str | None = Field(None, min_length=1)
    """A dataset on the Hugging Face Hub, instead of a file. Its columns are `question` and `answer`, or `problem` and
    `solution`, as MATH's are."""
    name: str | None = Field(None, min_length=1)
    """The configuration of the Hub dataset, where it has several (`main` for GSM8K)."""
    revision: str | None = Field(None, min_length=1)
    """Branch, tag or commit of the Hub dataset. None: the newest."""
    split: str = "train"
    """The split of the Hub dataset to train on."""
    test_split: str | None = Field(None, min_length=1)
    """The split of the Hub dataset to evaluate on. None: problems are held out of `split`."""
    system_prompt: str | None = Field(None, min_length=1)
    """What the model is told before each question. None: nothing."""
    max_prompt_length: Int = Field(512, ge=16, le=65_536)
    """Problems whose prompt is longer than this many tokens are left out, and counted."""


GSM8K = DataSection(id="openai/gsm8k", name="main", test_split="test")


class GrpoSection(Section):
    """TRL's GRPOConfig, its names unchanged."""

    max_steps: Int = Field(100, ge=1, le=100_000)
    """Optimizer steps in all."""
    learning_rate: Float = Field(5e-6, gt=0, le=1)
    """The optimizer's peak learning rate."""
    num_generations: Int = Field(8, ge=2, le=256)
    """Group size G: completions sampled for each prompt. Each is measured against the mean reward of its group."""
    per_device_train_batch_size: Int = Field(8, ge=1, le=4096)
    """Completions in one forward and backward pass."""
    gradient_accumulation_steps: Int = Field(1, ge=1, le=4096)
    """Passes for one optimizer step: completions per step are this times `per_device_train_batch_size`."""
    max_completion_length: Int = Field(256, ge=8, le=65_536)
    """Longest completion, in tokens; what runs over is cut off."""
    temperature: Float = Field(1.0, gt=0, le=5)
    """How freely completions are sampled while training. Evaluation is greedy."""
    top_p: Float = Field(1.0, gt=0, le=1)
    """Sample only from the likeliest tokens that together have this probability."""
    top_k: Int = Field(0, ge=0, le=1_000_000)
    """Sample only from this many likeliest tokens. 0: from all."""
    min_p: Float | None = Field(None, ge=0, le=1)
    """Sample only tokens at least this likely, relative to the likeliest one. None: from all."""
    repetition_penalty: Float = Field(1.0, gt=0, le=5)
    """Above 1, tokens that already stand in the text become less likely."""
    loss_type: Literal["grpo", "bnpo", "dr_grpo", "dapo", "cispo", "sapo"] = "dapo"
    """How token losses are averaged: `grpo` per completion, `bnpo` and `dapo` per token, `dr_grpo` by a constant.
    `cispo` and `sapo` clip otherwise."""
    beta: Float = Field(0.0, ge=0, le=10)
    """Weight of the KL penalty that keeps the tuned model near its base. 0: none, and no pass of the base is needed."""
    epsilon: Float = Field(0.2, gt=0, le=10)
    """How far a token's probability ratio may move in one update before it is clipped."""
    epsilon_high: Float | None = Field(None, gt=0, le=100)
    """The upper clip, if it differs (DAPO: 0.28). None: `epsilon`."""
    importance_sampling_level: Literal["token", "sequence"] = "token"
    """Ratios per token (GRPO), or one for the whole completion (GSPO)."""
    scale_rewards: Literal["group", "batch", "none"] = "group"
    """What a group's rewards are divided by: their own standard deviation, the batch's, or nothing (Dr. GRPO)."""
    mask_truncated_completions: bool = False
    """Leave completions that were cut off out of the loss (DAPO)."""
    num_iterations: Int = Field(1, ge=1, le=64)
    """Updates made from each batch of completions (mu in the GRPO paper)."""
    optim: Literal["adamw_torch", "adamw_torch_fused", "adamw_8bit", "paged_adamw_8bit"] = "adamw_torch"
    """The optimizer. The 8-bit ones need bitsandbytes and a CUDA GPU."""
    lr_scheduler_type: Literal["constant", "constant_with_warmup", "linear", "cosine"] = "constant"
    """How the learning rate moves over the run."""
    warmup_ratio: Float = Field(0.0, ge=0, le=1)
    """Share of the steps in which the learning rate rises from 0."""
    weight_decay: Float = Field(0.0, ge=0, le=1)
    """AdamW's weight decay."""
    adam_beta1: Float = Field(0.9, ge=0, lt=1)
    """AdamW's decay of the gradient's mean."""
    adam_beta2: Float = Field(0.999, ge=0, lt=1)
    """AdamW's decay of the gradient's square. Lower forgets faster, which short runs need."""
    max_grad_norm: Float = Field(1.0, gt=0, le=1_000_000)
    """Gradients longer than this are scaled down to it."""
    save_steps: Int = Field(20, ge=1, le=100_000)
    """A checkpoint is written every so many steps; a killed run goes on from the last one."""

    @property
    def completions_per_step(self) -> int:
        return self.per_device_train_batch_size * self.gradient_accumulation_steps


class LoraSection(Section):
    """PEFT's LoraConfig, its names unchanged."""

    r: Int = Field(16, ge=1, le=512)
    """Rank of the adapter: how much it can hold. Reinforcement learning needs little."""
    lora_alpha: Int = Field(32, ge=1, le=2048)
    """Scale of the adapter: what it adds is multiplied by `lora_alpha / r`."""
    lora_dropout: Float = Field(0.0, ge=0, lt=1)
    """Share of the adapter's inputs dropped while training."""
    target_modules: tuple[str, ...] = Field(
        ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"), min_length=1
    )
    """The linear layers that get an adapter."""


class EvaluationSection(Section):
    problems: Int = Field(300, ge=1, le=100_000)
    """Held-out problems that base and tuned both answer. Fewer are faster, and show less."""
    batch_size: Int = Field(64, ge=1, le=4096)
    """Problems answered at once."""
    probe_problems: Int = Field(32, ge=0, le=10_000)
    """Other held-out problems, answered while training for the curve. 0: no probe."""
    probe_steps: Int = Field(10, ge=1, le=100_000)
    """Steps between two probes."""


class RunConfig(Section):
    name: str = Field("run", pattern=r"^[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?$")
    """A short name, part of the run folder's: small letters, digits, dots and dashes."""
    model: ModelSection
    data: DataSection
    rewards: dict[str, Annotated[Float, Field(ge=-1000, le=1000)]] = Field(
        default={"correctness": 1.0, "format": 1.0}, min_length=1
    )
    """Reward functions and their weights. Besides the built-in ones, `file.py:function` names one of your own."""
    grpo: GrpoSection = GrpoSection()
    lora: LoraSection = LoraSection()
    evaluation: EvaluationSection = EvaluationSection()
    seed: Int = Field(0, ge=0, lt=2**32)
    """Seed of everything random in the run."""
    engine: Literal["auto", "unsloth", "transformers"] = "auto"
    """What loads and trains the model. auto: Unsloth where there is a CUDA GPU and it is installed."""
    rollout: Literal["auto", "vllm", "generate"] = "auto"
    """What writes the completions. auto: vLLM where Unsloth can start it."""
    vllm_cache: Literal["auto", "small"] = "auto"
    """vLLM's memory for keys and values. auto: for a step's completions, and more where there is room. small: for three
    of the longest, so that it writes fewer at once and more slowly."""
    max_minutes: Float | None = Field(None, gt=0, le=10_080)
    """The run ends within so many minutes: training stops early enough to save and to test the tuned model. Going on
    later has as many again. None: it makes all its steps."""

    @property
    def reward_labels(self) -> list[str]:
        """What each reward is called in metrics and events: its function's name."""
        return [name.rpartition(":")[2] for name in self.rewards]


class Preset(Section):
    title: str
    """One line for the card."""
    summary: str
    """What it is for, in a sentence or two."""
    hardware: Literal["cpu", "t4"]
    """The least that it needs."""
    expect: str
    """What came of it elsewhere, or of runs like it. Time and cost are worked out: see `estimate`."""
    quick: Int | None = Field(None, ge=1)
    """Steps of a short run that shows what happens, beside the full one. None: the full one is short."""
    run: RunConfig


def _known_keys(path: Sequence[str | int]) -> list[str]:
    """The keys that RunConfig has at `path`, for "did you mean"."""
    fields = RunConfig.model_fields
    for part in path:
        section = fields[part].annotation if part in fields else None
        if not (isinstance(section, type) and issubclass(section, Section)):
            return []
        fields = section.model_fields
    return list(fields)


def problem(error: Any) -> str:
    """One pydantic error as a line that names the field and the value."""
    location, value = error["loc"], error["input"]
    name = ".".join(map(str, location))
    if error["type"] == "extra_forbidden":
        keys = _known_keys(location[:-1])
        close = difflib.get_close_matches(str(location[-1]), keys, n=1)
        hint = f"did you mean {'.'.join([*map(str, location[:-1]), *close])}?" if close else f"known: {', '.join(keys)}"
        return f"{name}: there is no such setting; {hint}"
    if error["type"] == "missing":
        return f"{name}: is missing"
    message = re.sub("^(Value error,|Input|String|Dictionary|Tuple) |, unable to parse.*", "", error["msg"])
    if error["type"] == "model_type":
        first = next(iter(_known_keys(location)), "...")
        message = f"is given for a whole section: set its settings one by one, {name}.{first} and so on"
    if error["type"] == "string_pattern_mismatch":
        message = "should be up to 40 small letters, digits, dots and dashes"
    shown = repr(value)
    return f"{name}: {shown if len(shown) <= 80 else shown[:77] + '...'} {message}"


def _without(data: Any, path: Sequence[str | int]) -> Any:
    """`data` less the value at `path`."""
    if not isinstance(data, Mapping) or not path:
        return data
    if len(path) == 1:
        return {key: value for key, value in data.items() if key != path[0]}
    return {key: _without(value, path[1:]) if key == path[0] else value for key, value in data.items()}


def parse(data: object) -> RunConfig:
    """A RunConfig from plain data.

    Raises:
        UserError: with every problem at once, those between fields too, each naming the field and its value.
    """
    if not isinstance(data, Mapping):
        raise UserError("a run's config is a mapping of settings: model, data, grpo, ...")
    problems, wrong = [], set()
    try:
        config: RunConfig | None = RunConfig.model_validate(data)
    except ValidationError as error:
        problems = [problem(e) for e in error.errors()]
        wrong = {".".join(map(str, e["loc"][:2])) for e in error.errors()}
        for e in error.errors():
            data = _without(data, e["loc"][:2])
        config = _lenient(data)
    if config is not None:
        problems += [
            message for fields, message in broken_rules(config) if not any(map(wrong.__contains__, _parents(fields)))
        ]
    if problems or config is None:
        raise UserError(*problems)
    return config


def _parents(fields: Sequence[str]) -> set[str]:
    """`grpo.beta` and `grpo`: a rule says nothing where one of these was wrong itself."""
    return {*fields, *(field.split(".")[0] for field in fields)}


def _lenient(data: object) -> RunConfig | None:
    """What is left after wrong fields were taken out, to look for problems between the others."""
    try:
        return RunConfig.model_validate(data)
    except ValidationError:
        return None


def override(config: RunConfig, settings: Sequence[str]) -> RunConfig:
    """`config` with settings such as `grpo.max_steps=20`; values are read as YAML.

    A new `data.path` or `data.id` replaces the whole source: the old held-out problems would be another subject's.
    """
    data = config.model_dump(mode="json")
    problems, changes = [], []
    for setting in settings:
        key, equals, text = setting.partition("=")
        path = key.strip().split(".", 1 if key.strip().startswith("rewards.") else -1)  # a file has dots in its name
        if not equals or not all(path):
            problems.append(f"--set {setting}: write it as KEY=VALUE, for example grpo.max_steps=20")
            continue
        try:
            value = yaml.safe_load(text) if text.strip() else ""
        except (yaml.YAMLError, ValueError, RecursionError):  # 2026-13-45 is a date that is none
            value = text
        if path in (["data", "path"], ["data", "test_path"], ["model", "id"]) and isinstance(value, str) and value:
            value = _local(value, certainly=path[0] == "data")
        if path[0] == "rewards":
            path, value = [path[0], *map(_local_reward, path[1:])], _local_rewards(value)
        changes.append((path, value))
    if any(path in (["data", "path"], ["data", "id"]) for path, _ in changes):
        data["data"] = {k: v for k, v in data["data"].items() if k in ("system_prompt", "max_prompt_length")}
    for path, value in changes:
        _put(data, path, value)
    try:
        changed = parse(data)
    except UserError as error:
        raise UserError(*problems, *error.problems) from None
    if problems:
        raise UserError(*problems)
    return changed


def _local(text: str, certainly: bool) -> str:
    """A path that the user typed, from where they typed it; `certainly`: else it may be a name on the Hub."""
    with contextlib.suppress(OSError, RuntimeError, ValueError):  # the home of nobody: who looks for the file says so
        path = Path(text).expanduser()
        if certainly or text.startswith((".", "/", "~")) or path.exists():
            return str(path.resolve())
    return text


def _local_reward(name: str) -> str:
    path, colon, function = name.rpartition(":")
    return f"{_local(path, certainly=True)}:{function}" if colon else name


def _local_rewards(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {_local_reward(name) if isinstance(name, str) else name: weight for name, weight in value.items()}


def _put(data: dict[str, Any], path: Sequence[str], value: object) -> None:
    for part in path[:-1]:
        inner = data.setdefault(part, {})
        if not isinstance(inner, dict):
            inner = data[part] = {}
        data = inner
    data[path[-1]] = value


def read_yaml(path: Path) -> Any:
    """
    Raises:
        UserError: where the file is missing or not YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        raise UserError(f"{path}: is not YAML" + (f" (line {where.line + 1})" if where else "")) from error


def write_yaml(config: RunConfig) -> str:
    """All that is needed to run it again; goes under a preset's `run:`."""
    data = config.model_dump(mode="json")
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    if yaml.safe_load(text) != data:  # PyYAML breaks lines at U+0085 that it does not put together again
        text = yaml.safe_dump(data, sort_keys=False)
    return text
