"""The settings of a run, and of a preset. A field's docstring is its help in the app."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _no_bool(value: object) -> object:
    """YAML reads `yes` and `on` as true, which pydantic would take for 1."""
    if isinstance(value, bool):
        raise ValueError("should be a number, not true or false")
    return value


def _gpus(value: object) -> object:
    """A form and `--set` give a number as text, too."""
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    if number != "auto" and (isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MOST_GPUS):
        raise ValueError(f"should be auto, or a whole number from 1 to {MOST_GPUS}")
    return number


MOST_GPUS = 16
Int = Annotated[int, BeforeValidator(_no_bool)]
Float = Annotated[float, BeforeValidator(_no_bool)]


class Section(BaseModel):
    """Base of every part of a config: it cannot be changed, and a setting that it does not know is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=(), allow_inf_nan=False
    )


class ModelSection(Section):
    """The base model, and how it is held in memory."""

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


Kind = Literal["choice", "code", "countdown", "instructions", "number"]
"""The kinds of answer: see `tasks/kinds.py`."""
TaskName = Literal[Kind, "own"]
"""A kind, or a verifier of the user's own."""


class ColumnsSection(Section):
    """What the columns of a file or dataset are for. None: that is found out by their names."""

    question: str | None = Field(None, min_length=1)
    """The column with the question. A dot looks into it: `extra.question`."""
    answer: str | None = Field(None, min_length=1)
    """The column with the right answer, alone or at the end of a worked solution; of multiple choice the right option's
    letter, its words, or its number from 0."""
    options: str | None = Field(None, min_length=1)
    """The column with the options of multiple choice; of several with an option each their names, joined by commas."""


class DataSection(Section):
    """Where the problems come from, and how they are put to the model."""

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
    generate: str | None = Field(None, min_length=1)
    """Problems that a program makes, instead of a file: `countdown`, `stories` (arithmetic), or `reasoning_gym:NAME`
    where that is installed. Each step sees new ones, and none of those to evaluate on."""
    difficulty: Int = Field(3, ge=1, le=9)
    """How hard generated problems are, from 1. Countdown has one number more than this; stories have three levels; a
    task of reasoning_gym takes the level of its curriculum."""
    split: str = "train"
    """The split of the Hub dataset to train on."""
    test_split: str | None = Field(None, min_length=1)
    """The split of the Hub dataset to evaluate on. None: problems are held out of `split`."""
    task: Literal["auto", Kind] = "auto"
    """The kind of answer, which says what is right. auto: by the columns. number: numbers and mathematics.
    choice: one of several options. code: a Python function, verified by its tests. countdown: a calculation with given
    numbers that makes another. instructions: done exactly as told, by a rule that is checked."""
    verifier: str | None = Field(None, pattern=r"\.py:\w+$")
    """A function of your own that says what is right, in place of a kind of answer: `file.py:function`. It is code:
    only the command line can name it."""
    run_code: Literal["isolated", "anywhere"] = "isolated"
    """Where programs that the model writes may run. isolated: only where the kernel keeps them in, which is nearly
    everywhere. anywhere: else too, with all that the user of this machine may do; only the command line can say so."""
    columns: ColumnsSection = ColumnsSection()
    """What the columns are for, where that is not found out by their names."""
    system_prompt: str | None = Field(None, min_length=1)
    """The instructions that stand before each question. None: no instructions."""
    max_prompt_length: Int = Field(512, ge=16, le=65_536)
    """Problems whose prompt is longer than this many tokens are left out, and counted."""


GSM8K = DataSection(id="openai/gsm8k", name="main", test_split="test")


class GrpoSection(Section):
    """The arguments of TRL's GRPOConfig, under its names."""

    max_steps: Int = Field(100, ge=1, le=100_000)
    """Optimizer steps in all."""
    learning_rate: Float = Field(5e-6, gt=0, le=1)
    """The optimizer's peak learning rate."""
    num_generations: Int = Field(8, ge=2, le=256)
    """Group size G: completions sampled for each prompt. Each is measured against the mean reward of its group."""
    per_device_train_batch_size: Int = Field(8, ge=1, le=4096)
    """Completions in a micro-batch: in one forward and backward pass."""
    gradient_accumulation_steps: Int = Field(1, ge=1, le=4096)
    """Micro-batches in one optimizer step: completions per step are this times `per_device_train_batch_size`."""
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
    """A checkpoint is written every so many steps; a killed run resumes from the last one."""

    @property
    def completions_per_step(self) -> int:
        """Completions that one optimizer step learns from, over all of its micro-batches."""
        return self.per_device_train_batch_size * self.gradient_accumulation_steps


class LoraSection(Section):
    """The arguments of PEFT's LoraConfig, under its names; and `start`, which is ours."""

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
    start: str | None = Field(None, min_length=1)
    """The adapter to begin from: a run's name, a folder, or a name on the Hub, of this rank, alpha and layers. None: a
    fresh one, which changes nothing yet."""


class EvaluationSection(Section):
    """How base and tuned are compared, and how often the tuned model is probed while it trains."""

    problems: Int = Field(300, ge=1, le=100_000)
    """Held-out problems that base and tuned both answer. Fewer are faster, and show less."""
    batch_size: Int = Field(64, ge=1, le=4096)
    """Problems answered at once."""
    probe_problems: Int = Field(32, ge=0, le=10_000)
    """Other held-out problems, answered while training for the curve. 0: no probe."""
    probe_steps: Int = Field(10, ge=1, le=100_000)
    """Steps between two probes."""


class RunConfig(Section):
    """All that is needed to make a run, and to make it again."""

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
    prompts: Literal["shuffled", "teaching"] = "shuffled"
    """Which problems a step sees. shuffled: each in its turn. teaching: for up to three quarters of its prompts, again
    those whose latest completions were partly right, which is what teaches; new problems for the rest, and for a step's
    only prompt."""
    control: Literal["none", "random"] = "none"
    """random: a control. All is the same, but the step's payments are dealt out anew among its completions, by the
    seed, so that they reward nothing. A gain that such a run has too is none of the rewards' doing."""
    engine: Literal["auto", "unsloth", "transformers"] = "auto"
    """What loads and trains the model. auto: Unsloth where there is a CUDA GPU and it is installed."""
    rollout: Literal["auto", "vllm", "generate"] = "auto"
    """What writes the completions. auto: vLLM where Unsloth can start it."""
    gpus: Annotated[int | Literal["auto"], BeforeValidator(_gpus)] = "auto"
    """GPUs that train the run together, a process on each; what a step learns from stays the same. auto: all that this
    machine has, where its packages can (requirements-multi-gpu.txt), else one. Without a GPU a number is that of
    processes, which share the cores, and auto is 1."""
    vllm_cache: Literal["auto", "small"] = "auto"
    """vLLM's memory for keys and values. auto: for a step's completions, and more where there is room. small: for three
    of the longest, so that it writes fewer at once and more slowly."""
    fallbacks: Literal["none", "memory", "all"] = "all"
    """What the run may change by itself where vLLM fails or the GPU's memory runs out. memory: what learns the same,
    such as smaller micro-batches, or no vLLM. all: shorter completions and smaller groups too, which is another
    experiment; that is said wherever its results are. none: it fails, and says what would have helped."""
    stop_when_learnt: bool = True
    """End the run where there is nothing left to learn: 95 % of the completions to the last 64 new problems are right.
    Not where the model was that good from the start. Resuming such a run makes the rest of its steps."""
    max_minutes: Float | None = Field(None, gt=0, le=10_080)
    """The run ends within so many minutes: training stops early enough to save and to test the tuned model. A resumed
    run has as many again. None: it makes all its steps."""

    def changed(self, **sections: Mapping[str, Any]) -> "RunConfig":
        """The config with other settings in some of its sections, as in `changed(grpo={"max_steps": 20})`."""
        update = {name: getattr(self, name).model_copy(update=settings) for name, settings in sections.items()}
        return self.model_copy(update=update)

    @property
    def reward_labels(self) -> list[str]:
        """The name of each reward in metrics and events: that of its function."""
        return [name.rpartition(":")[2] for name in self.rewards]


class Preset(Section):
    """A run to begin with, and what its card says of it."""

    title: str
    """The card's title, in one line."""
    summary: str
    """What the preset is for, in a sentence or two."""
    hardware: Literal["cpu", "t4"]
    """The least hardware that the run needs."""
    expect: str
    """What came of this run elsewhere, or of runs like it. Time and cost are worked out: see `estimate`."""
    expected_gain: Float | None = Field(None, gt=0, le=100)
    """The gain in right answers, in points, that a full run is planned for; its source stands beside it in the preset.
    None: none is expected. The evaluation should more likely than not show it."""
    quick: Int | None = Field(None, ge=1)
    """Steps of a short run that shows what happens, beside the full one. None: the full one is short."""
    run: RunConfig
