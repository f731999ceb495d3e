"""A run as a plain Python script: the same training by TRL and PEFT, or Unsloth, without this project.

Whatever a config or a log holds is written as a Python literal, so that nobody's text becomes code. The functions of
`script_parts.py` are carried along, word for word.
"""

import re
import textwrap
from pathlib import Path

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.paths import PROJECT
from grpo_space.planning import hardware, memory
from grpo_space.planning.model_shape import shape_of
from grpo_space.planning.vllm_options import vllm_options
from grpo_space.publishing import script_parts, script_text
from grpo_space.publishing.python_source import arguments, definitions, imports, literal
from grpo_space.runs import trained_with
from grpo_space.runs.fallbacks import after_fallbacks
from grpo_space.runs.history import History
from grpo_space.runs.pins import pinned
from grpo_space.runs.run import Run
from grpo_space.tasks.dataset import PLAIN

TRL_DEFAULTS: dict[str, object] = {
    "gradient_accumulation_steps": 1, "temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": None,
    "repetition_penalty": 1.0, "loss_type": "dapo", "beta": 0.0, "epsilon": 0.2, "epsilon_high": None,
    "importance_sampling_level": "token", "scale_rewards": "group", "mask_truncated_completions": False,
    "num_iterations": 1, "optim": "adamw_torch_fused", "lr_scheduler_type": "linear", "warmup_steps": 0,
    "weight_decay": 0.0, "adam_beta1": 0.9, "adam_beta2": 0.999, "max_grad_norm": 1.0,
}  # fmt: skip
"""What GRPOConfig takes where nothing is given: a plain script leaves it out. Unsloth has others: there all stand."""
BUILT_IN = ("correctness", "format", "steps", "length", "repetition")
PACKAGES = ("unsloth", "vllm", "trl", "peft", "transformers", "datasets", "torch")
VERSION = re.compile(r"\d[0-9A-Za-z.]*")
PIN = re.compile(r"^([\w-]+)(?:\[.*\])?==(\S+)$", re.MULTILINE)


def of_run(run: Run) -> str:
    """The script of a run: with the settings that its fallbacks left, and the commits that it used.

    Raises:
        UserError: where the run trains nothing, or its config cannot be read, or is not what it was trained with.
    """
    if run.standalone is not None:
        raise UserError(f"{run.id}: is an evaluation, which trains nothing: name a training")
    trained_with.check(run)
    history = run.history()
    return of_config(after_fallbacks(run.config, history.fallbacks), history)


def of_config(config: RunConfig, history: History | None = None) -> str:
    """The script of a config. `history` is its run's, which knows the engine, the commits and the packages.

    Raises:
        UserError: where the run is a control, or begins from another one's adapter, which no script does.
    """
    if config.control != "none":
        raise UserError(f"control: {config.control}: a script pays what was earned; export the run that this controls")
    if config.lora.start is not None:
        raise UserError(f"lora.start: {config.lora.start}: a script begins from a fresh adapter")
    history = history or History()
    _refuse_other_rows(config, history)
    config = pinned(config, history.loaded)
    unsloth, vllm = _engine(config, history)
    rewards = [name if name in BUILT_IN else "own" for name in config.rewards]
    carried = definitions(
        Path(script_parts.__file__).read_text(encoding="utf-8"),
        ["problem", "same", "by_hash", *rewards],
        without=("STOP_IDS", "MAX_COMPLETION_LENGTH"),
    ).replace("  # noqa: A001", "")
    body = "".join((
        _constants(config), carried, _rewards(config),
        _unsloth(config, vllm) if unsloth else _plain(config), script_text.LOADED,
        _problems(config), script_text.FITTING, script_text.PROGRESS, _training(config, unsloth, vllm),
    ))  # fmt: skip
    about = script_text.ABOUT.substitute(
        name=config.name,
        libraries="Unsloth and TRL" if unsloth else "TRL and PEFT",
        packages=_packages(unsloth, history),
        prompts=script_text.CHOSEN if config.prompts == "teaching" else "",
    )
    first = script_text.UNSLOTH_FIRST if unsloth else "\n"
    standard, libraries = imports(script_text.IMPORTS, first + body), imports(script_text.LIBRARIES, body)
    return f"{about}{standard}\n{first}{libraries}\n\n{body}"


def _refuse_other_rows(config: RunConfig, history: History) -> None:
    """A script reads numbers and mathematics from JSON lines or the Hub, by the usual two columns.

    Raises:
        UserError: where the run's problems are others.
    """
    data = config.data
    task = history.loaded.task if history.loaded else data.task
    columns = (data.columns.question or "question", data.columns.answer or "answer")
    endings = {ending.lower() for ending in Path(data.path or "").suffixes}
    other_file = endings & {".csv", ".tsv", ".md", ".parquet", ".gz"}
    if task not in ("auto", "number") or columns not in PLAIN or other_file or data.generate or data.verifier:
        raise UserError(
            f"{config.name}: a script reads question and answer from JSON lines or the Hub, and its answers are "
            "numbers and mathematics: this run's problems are others"
        )


def _engine(config: RunConfig, history: History) -> tuple[bool, bool]:
    """Whether Unsloth trains, and whether vLLM writes: as in the run, else as on a GPU where the config needs one."""
    if chosen := history.chosen:
        return chosen.engine == "unsloth", chosen.rollout == "vllm"
    named = config.engine == "unsloth" or config.rollout == "vllm"
    unsloth = named or (config.engine == "auto" and config.model.load_in_4bit)
    return unsloth, unsloth and config.rollout != "generate"


def _packages(unsloth: bool, history: History) -> str:
    """What to install: the versions that the run had, else those that this project is tested with."""
    pins = PROJECT / ("requirements.txt" if unsloth else "requirements-cpu.txt")
    found = (history.started.versions if history.started else {}) or dict(PIN.findall(pins.read_text(encoding="utf-8")))
    versions = {name: found.get(name, "").partition("+")[0] for name in PACKAGES[0 if unsloth else 2 :]}
    each = [f"{name}=={version}" for name, version in versions.items() if VERSION.fullmatch(version)]
    return textwrap.fill(f"pip install {' '.join(each)} math-verify", 110, subsequent_indent=" " * 8)


def _constants(config: RunConfig) -> str:
    """The settings that are used in several places, or that a reader wants to change first."""
    data = config.data
    values: dict[str, object] = {"MODEL": config.model.id}
    values |= {"MODEL_REVISION": config.model.revision} if config.model.revision else {}
    if data.path is None:
        values |= {"DATA": data.id, "DATA_NAME": data.name}
        values |= {"DATA_REVISION": data.revision} if data.revision else {}
    else:
        values |= {"DATA": data.path} | ({"TEST_DATA": data.test_path} if data.test_path else {})
    values |= {"SYSTEM_PROMPT": data.system_prompt} if data.system_prompt else {}
    values |= {"MAX_PROMPT_LENGTH": data.max_prompt_length, "MAX_COMPLETION_LENGTH": config.grpo.max_completion_length}
    values |= {"SEED": config.seed, "OUTPUT": f"{config.name}-by-script"}
    comments = {"MODEL": "a folder, or a name on the Hub", "MAX_PROMPT_LENGTH": "in tokens; longer ones are left out"}
    written = ""
    for name, value in values.items():
        written += f"{name} = {literal(value)}" + (f"  # {comments[name]}\n" if name in comments else "\n")
    return written + "STOP_IDS: set[int] = set()  # the tokens that end a completion; the model says which\n"


def _rewards(config: RunConfig) -> str:
    """The reward functions with their weights. One of the user's own is imported from its file."""
    lines = []
    for name, weight in config.rewards.items():
        file, _, function = name.rpartition(":")
        lines.append(f"{name if name in BUILT_IN else f'own({literal(file)}, {literal(function)})'}: {literal(weight)}")
    return f"# The reward functions, with their weights.\nREWARDS = {{{', '.join(lines)}}}\n\n"


def _lora(config: RunConfig) -> dict[str, object]:
    """PEFT's settings of the adapter."""
    return {name: getattr(config.lora, name) for name in ("r", "lora_alpha", "lora_dropout", "target_modules")}


def _plain(config: RunConfig) -> str:
    """Loads the model by Transformers and PEFT."""
    of = "revision=MODEL_REVISION, " if config.model.revision else ""
    loading = f"    {of.strip()}\n" if of else ""
    loading += '    dtype=DTYPE,\n    device_map={"": 0} if CUDA else None,\n'
    loading += script_text.FOUR_BITS if config.model.load_in_4bit else ""
    return (
        f"{script_text.ON_ANY_DEVICE}"
        f'tokenizer = AutoTokenizer.from_pretrained(MODEL, {of}padding_side="left")\n'
        "tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token\n"
        f"model = AutoModelForCausalLM.from_pretrained(\n    MODEL,\n{loading})\n"
        f'lora = LoraConfig(\n{arguments(_lora(config))}    task_type="CAUSAL_LM",\n)\n'
        "model = get_peft_model(model, lora)\n"
    )


def _unsloth(config: RunConfig, vllm: bool) -> str:
    """Loads the model by Unsloth."""
    of = "revision=MODEL_REVISION, " if config.model.revision else ""
    loading: dict[str, object] = {
        "max_seq_length": config.model.max_seq_length,
        "load_in_4bit": config.model.load_in_4bit,
    }
    if vllm:
        loading |= vllm_options(config, _share(config))
    return (
        f"{script_text.ON_A_GPU}"
        f'download = {{"ignore_patterns": ["original/*", "*.gguf"]}}\n'
        f"folder = MODEL if Path(MODEL).is_dir() else snapshot_download(MODEL, {of}**download)\n"
        "model, tokenizer = FastLanguageModel.from_pretrained(\n"
        f"    model_name=folder,\n{arguments(loading)}    dtype=DTYPE,\n    random_state=SEED,\n)\n"
        f"model = FastLanguageModel.get_peft_model(\n    model,\n{arguments(_lora(config))}"
        '    use_gradient_checkpointing="unsloth",\n    random_state=SEED,\n)\n'
    )


def _share(config: RunConfig) -> float:
    """vLLM's share of the GPU by the memory plan: of this machine's GPU, or of a T4 where there is none."""
    try:
        shape = shape_of(config.model)
    except UserError:  # its folder is on another machine
        shape = None
    limit = memory.limit_of(hardware.gpu() or "t4")
    return round(memory.plan(config, shape, limit).share, 3) if shape else memory.VLLM_MOST


def _problems(config: RunConfig) -> str:
    """Reads the problems, and holds out those that the run holds out."""
    data, evaluation = config.data, config.evaluation
    if data.path is not None:
        reading, train, test = script_text.READ_FILE, "DATA", "TEST_DATA" if data.test_path else ""
    else:
        of = ", revision=DATA_REVISION" if data.revision else ""
        reading = script_text.READ_HUB.substitute(revision=of)
        train, test = literal(data.split), literal(data.test_split) if data.test_split else ""
    held_out = script_text.HELD_OUT_TEST if test else script_text.HELD_OUT
    shared = {"train": train, "test": test, "problems": evaluation.problems, "probes": evaluation.probe_problems}
    asked = script_text.ASKED_AFTER_SYSTEM if data.system_prompt else script_text.ASKED_ALONE
    return reading + held_out.substitute(shared) + asked


def _training(config: RunConfig, unsloth: bool, vllm: bool) -> str:
    """TRL's arguments, the trainer, and saving the adapter."""
    grpo = config.grpo
    values = grpo.model_dump(exclude={"max_completion_length", "warmup_ratio"})
    values["warmup_steps"] = round(grpo.warmup_ratio * grpo.max_steps)
    if unsloth:
        values["epsilon_high"] = grpo.epsilon_high or grpo.epsilon
    else:
        values = {name: value for name, value in values.items() if value != TRL_DEFAULTS.get(name, ...)}
    device = script_text.GPU_ARGUMENTS if unsloth else script_text.ANY_ARGUMENTS
    written = f"args = GRPOConfig(\n{script_text.ALWAYS}{arguments(values)}{device}"
    written += (script_text.VLLM_ARGUMENTS if vllm else "") + ")\n"
    if unsloth:
        pieces = max(1, min(4, memory.UNROLLED // grpo.per_device_train_batch_size))
        written += f"args.scale_rewards = {literal(grpo.scale_rewards)}  # which Unsloth changes for Dr. GRPO\n"
        written += f"args.unsloth_logit_chunk_multiplier = {pieces}  # with beta they are unrolled\n"
    written += script_text.TRAINER + (script_text.FLOAT_ADAPTER if unsloth or config.model.load_in_4bit else "")
    base = config.model.base_id or config.model.id
    named = f'model.peft_config["default"].base_model_name_or_path = {literal(base)}\n'
    return written + "trainer.train()\n" + (named if unsloth or config.model.base_id else "") + script_text.SAVE
