"""Estimates how long a run takes and what it costs: before its start by steps that were measured elsewhere, then by its
own.

Where somebody sent what `make t4-check` measured of the model on such a card, that counts. Else it is the table: no T4
was measured for it, and its T4's rows are what public notebooks print. A model without a row of its own gets the
nearest size's, in proportion to the parameters; on a GPU no completion takes less than one of SmolLM2-135M's did
(`LEAST`), so models of its size are guessed too. That a batch of an evaluation takes as long as a step holds on a CPU
(3.5 s for two batches against steps of 1.7 s); on a GPU it is assumed.
"""

import math
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from grpo_space.config import RunConfig
from grpo_space.formatting import duration, gib, roughly
from grpo_space.planning import measured, memory
from grpo_space.planning.hardware import T4_DOLLARS_PER_HOUR, Gpu
from grpo_space.planning.model_shape import shape_of
from grpo_space.runs.history import History
from grpo_space.runs.job_file import JobFile

WRITING = 70
"""Writing takes as long as learning from so many completions, however many are written: of the 8B on an H100 steps of 6
took 12.7 s and steps of 24 15.7. Taken to hold on other GPUs. On a CPU both grow with the completions.
"""
NO_GPU = re.compile(r"\d+ CPU cores")
"""How the hardware of a machine without a GPU begins: see `hardware.machine`."""
FIRST_STEP = {"unsloth": "compiles first"}
"""What an engine's first step of an attempt does beside the others."""
COMPILES_LONGEST = {"unsloth": "up to 205 s on an H100 (no T4 was measured)"}
"""How long an engine's first step took, where this machine has made none. Measured while Unsloth unrolled its loss."""
FAR = 4.0
"""A model more than so many times as large or as small as all of its card is not guessed."""


@dataclass(frozen=True)
class Measured:
    """Steps of one model on one card."""

    billions: float
    """The model's parameters, in billions."""
    card: str
    tokens_per_second: float
    """Tokens of completions over whole steps: written, rewarded and learnt from."""
    data: str
    """The file or data set of the problems; empty: completions were forced to full length."""
    mean_tokens: float
    """Mean length of a completion in these steps."""
    completions: int
    """Completions of each of these steps."""
    first_step: float
    """Seconds from the start to the end of the first step."""
    source: str
    where: str = ""
    """When and on which card somebody measured this very model; empty: the row is of the table."""


NOTEBOOK = "public notebooks of Unsloth's, read in November 2026"
CAPPED = "benchmarks/results/2026-11-25-gpu.json"
REAL = "benchmarks/results/2026-11-26-real-model.json"
SLOWED = f"a tenth of the speed in {REAL}"
TINY = "benchmarks/results/2026-11-23-cpu.json"
TASKS = "benchmarks/results/2026-11-27-tiny-tasks.json"
"""Choice on nearly idle cores, Countdown with other work on both."""
MINUTE = "a step of 16 completions of 160 tokens took more than a minute; its log was not kept"
TABLE = (
    # 250 steps of 6 completions at 54.7 s, and of 8 at 24.1 s. Their loading is not printed: an H100's stands for it.
    Measured(8.03, "t4", 18, "openai/gsm8k", 164, 6, 288.6, NOTEBOOK),
    Measured(3.09, "t4", 62, "openai/gsm8k", 187, 8, 288.6, NOTEBOOK),
    # An H100 with its memory capped to a T4's, random weights
    Measured(8.03, "h100", 1181.7, "", 768, 24, 288.6, CAPPED),
    Measured(7.62, "h100", 1269.4, "", 1024, 24, 305.4, CAPPED),
    Measured(1.54, "h100", 2749.1, "", 768, 32, 298.6, CAPPED),
    Measured(0.135, "cpu", 43, "", 160, 16, 9.4, MINUTE),
    Measured(0.00054, "cpu", 1357.0, "presets/tiny_tasks/choice/train.jsonl", 18, 64, 8.7, TASKS),
    Measured(0.00075, "cpu", 610.0, "countdown", 23, 64, 31, TASKS),
    Measured(0.0027, "cpu", 801.0, "presets/tiny/train.jsonl", 21, 64, 9.4, TINY),
)
LEAST = {"h100": (0.041, REAL), "t4": (0.41, SLOWED)}
"""Seconds that a completion takes at the least, and the source. Steps of 128 of SmolLM2-135M's took 5.2 s on an H100,
the mean of three seeds, with completions of 23 tokens as with 50. A T4's memory is a tenth as fast (320 against 3,350
GB/s).
"""
SMALLEST = 0.135
"""Billions of parameters of that model."""
TWO_GPUS = 1.86
"""Times the completions a second of one: benchmarks/results/2026-11-28-several-gpus.json."""
WHERE = {"t4": "on a T4", "h100": "on an H100", "cpu": "on 2 CPU cores"}
GUESSES = {
    NOTEBOOK: "a guess from public notebooks, not measured on a T4",
    CAPPED: "a guess from steps measured on an H100 with random weights",
    REAL: "a guess from steps of SmolLM2-135M measured on an H100",
    SLOWED: "a guess from steps of SmolLM2-135M measured on an H100, taken to be ten times as long on a T4",
    MINUTE: "a guess from a step of SmolLM2-135M that took more than a minute, so at least that",
    TINY: "a guess from the tiny model's steps",
    TASKS: "a guess from the steps of a smaller tiny model",
}
"""What an estimate is a guess from, by the source of its row."""


@dataclass(frozen=True)
class Estimate:
    """How long a run is expected to take."""

    seconds: float
    """Seconds of the whole run: loading, evaluations, training, probes; `max_minutes` at most."""
    step: float
    """Seconds of a step."""
    card: str
    source: str
    guess: str
    """What it is a guess from; empty where this model was measured on this hardware."""
    first_step: float = 0.0
    """Seconds from the start to the end of the first step, but for downloads and the base's test."""
    cut: bool = False
    """Whether `max_minutes` ends the run before its last step."""
    where: str = ""
    """When and on which card the steps of this model were measured; empty: it is a guess from other steps."""
    gpus: int = 1
    """GPUs that train it together."""

    @property
    def dollars(self) -> float | None:
        """The cost at a T4 small Space's list price; 0 on a CPU, None where no price is known."""
        return {"t4": self.gpus * self.seconds / 3600 * T4_DOLLARS_PER_HOUR, "cpu": 0.0}.get(self.card)

    @property
    def brief(self) -> str:
        """Time and cost in a few words: `roughly 4.5 h, $1.70`, or `about` where the model was measured."""
        time = f"{'about' if self.where else 'roughly'} {roughly(self.seconds)}"
        return f"{time}, {price(self.dollars)}" if self.dollars else time


def price(dollars: float) -> str:
    """A cost to ten cents, as exact as a guess may sound."""
    return f"${max(0.1, round(dollars, 1)):.2f}"


def estimate(config: RunConfig, gpu: Gpu | None, gpus: int = 1) -> Estimate | None:
    """The estimate on this machine's card, or on `gpus` of them that share every step and evaluation; on a T4 where the
    config needs a GPU and there is none. None where nothing like it was measured.
    """
    card, billions = card_of(config, gpu), parameters(config)
    if billions is None:
        return None
    row, least = _sent(config, gpu, billions), None
    if row is None:
        row, least = _nearest(card, billions), LEAST.get(card)
    if row is None:
        return None
    grpo, evaluation = config.grpo, config.evaluation
    longest = grpo.max_completion_length
    length = row.mean_tokens if row.data in (config.data.id, config.data.path, config.data.generate) else longest / 2
    gpus = 1 if row.card == "cpu" else gpus  # processes share its cores
    own = grpo.completions_per_step / gpus
    step = _as_many(own, row) * min(length, longest) * billions / row.billions
    step /= row.tokens_per_second
    source = row.source
    if least and least[0] * own > step:
        step, source = least[0] * own, least[1]
    batches = evaluations_of(config) * math.ceil(evaluation.problems / evaluation.batch_size / gpus)
    probe = math.ceil(evaluation.probe_problems / evaluation.batch_size)
    batches += probe * (grpo.max_steps // evaluation.probe_steps)
    whole = row.first_step + step * (grpo.max_steps + batches)
    limit = math.inf if config.max_minutes is None else 60 * config.max_minutes
    measured_here = row.source in (TINY, TASKS) and math.isclose(row.billions, billions, rel_tol=0.05)
    guess = "" if row.where or measured_here else GUESSES[source]
    return Estimate(min(whole, limit), step, row.card, source, guess, row.first_step, whole > limit, row.where, gpus)


def _nearest(card: str, billions: float) -> Measured | None:
    """The table's row of the nearest size on this card; None where none is near."""
    rows = [row for row in TABLE if row.card == card]
    sizes = [row.billions for row in rows] + ([SMALLEST] if card in LEAST else [])
    if not rows or not min(sizes) / FAR <= billions <= max(sizes) * FAR:
        return None
    return min(rows, key=lambda row: abs(math.log(row.billions / billions)))


def _sent(config: RunConfig, gpu: Gpu | None, billions: float) -> Measured | None:
    """What somebody measured of this very model on such a card, the latest; None where nobody did."""
    card = card_of(config, gpu)
    for sent in _measurements(measured.FOLDER):
        theirs = Gpu(sent.gpu, sent.gpu_gib, sent.driver, sent.compute_capability)
        same_card = card_of(config, theirs) == card if card else gpu is not None and sent.gpu == gpu.name
        for found in sent.presets.values():
            as_here = memory.judged(config) or "vllm" not in found.engine
            if same_card and as_here and found.model == config.model.id:
                article = "an" if sent.gpu.startswith("NVIDIA") else "a"
                where = f"measured on {sent.measured_on} on {article} {sent.gpu}"
                first_step = found.load_seconds + found.first_step_seconds
                return Measured(
                    billions, card, found.tokens_per_second, found.data, found.mean_tokens, found.completions,
                    first_step, "make t4-check", where,
                )  # fmt: skip
    return None


@cache
def _measurements(folder: Path) -> list[measured.Measurement]:
    """What was measured on other machines, read once. A file that is damaged is named once, on stderr."""
    found, problems = measured.read_all(folder)
    for line in problems:
        print(line, file=sys.stderr)
    return found


def evaluations_of(config: RunConfig) -> int:
    """How many evaluations a run makes: base, tuned and, with a system prompt, the base with a worked example."""
    return 3 if config.data.system_prompt else 2


def _as_many(completions: float, row: Measured) -> float:
    """The number of the row's completions that take as long as a step of these."""
    if row.card == "cpu":
        return completions
    return row.completions * (WRITING + completions) / (WRITING + row.completions)


def card_of(config: RunConfig, gpu: Gpu | None) -> str:
    """The card whose measurements count, as the table calls it; empty for a GPU that is not in the table."""
    if gpu is None:
        return "t4" if config.model.load_in_4bit else "cpu"
    names = "|".join(memory.LIMITS)
    found = re.search(rf"\b({names})\b", gpu.name.lower())
    return found[1] if found else ""


def parameters(config: RunConfig) -> float | None:
    """The model's parameters in billions; None while its sizes are not known."""
    shape = shape_of(config.model)
    return shape.weights(four_bits=False) / 2 / 1e9 if shape else None


def words(config: RunConfig, gpu: Gpu | None, gpus: int = 1) -> str:
    """Time and money before the start, on so many GPUs, in a sentence that says how sure it is."""
    found = estimate(config, gpu, gpus)
    if found is None:
        return "How long it takes is not known before its first steps: nothing like it was measured."
    cut = f" Then max_minutes ({config.max_minutes:g}) ends it, before its last step." if found.cut else ""
    if not found.guess and not found.where:
        return f"About {roughly(found.seconds)} {WHERE['cpu']}, free.{cut}"
    if found.card == "cpu":
        return f"Roughly {roughly(found.seconds)} {WHERE['cpu']}, free: {found.guess}.{cut}"
    cost = f" and {price(found.dollars)}" if found.dollars else ""
    where = "on a T4 small" if found.dollars else WHERE.get(found.card, "on this GPU")
    if found.gpus > 1:
        where = f"on {found.gpus} such GPUs"
        cut = f" It takes it that they share evenly: two did {TWO_GPUS:g} times the work of one where measured.{cut}"
    if found.where:
        return f"About {roughly(found.seconds)}{cost} {where}: by steps {found.where}.{cut}"
    return f"Roughly {roughly(found.seconds)}{cost} {where}: {found.guess}.{cut}"


def wait_words(config: RunConfig, gpu: Gpu | None) -> str:
    """What comes before the first step and how long it takes, in a sentence; empty on a CPU, where it is seconds, and
    where nothing like it was measured.
    """
    found, shape = estimate(config, gpu), shape_of(config.model)
    if gpu is None or found is None or shape is None or found.card == "cpu":
        return ""
    size = gib(shape.weights(config.model.load_in_4bit))
    return (
        f"Before the first step about {size} come from the Hub, once, then the base is tested; loading, vLLM\u2019s "
        f"start and compiling take about {roughly(found.first_step)} more, by an H100."
    )


# --- while it runs ----------------------------------------------------------------------------------------------------


def pace(history: History) -> float | None:
    """Seconds from step to step, probes and checkpoints included, of this attempt's own; None before its first."""
    each = history.seconds_per_step
    began = history.started.time if history.started else 0.0
    mine = [moment for moment in history.steps.times if moment >= began]
    if each is None or len(mine) < 3:
        return each
    return max(each, (mine[-1] - mine[1]) / (len(mine) - 2))  # the first one warms up


def first_step_words(history: History) -> str:
    """What an attempt's first step does and how long it took here before, or elsewhere, while the attempt is at it;
    empty before and afterwards.
    """
    phase, before = history.phase, history.started.from_step if history.started else 0
    if phase is None or phase.what != "train" or history.step > before:
        return ""
    engine = history.chosen.engine if history.chosen else ""
    words = f"the first step {FIRST_STEP.get(engine, 'is the slowest')}"
    if phase.expected_seconds:
        return f"{words}, {duration(phase.expected_seconds)} in all when it was last made here"
    return f"{words}, {COMPILES_LONGEST[engine]}" if engine in COMPILES_LONGEST else words


def training_left(history: History) -> float | None:
    """Seconds of training still to come; None where the run is not training."""
    phase, each = history.phase, pace(history)
    if phase is None or phase.what != "train" or each is None:
        return None
    return each * (phase.total - history.step)


def left_in_all(history: History) -> float | None:
    """Seconds of training and of the tests after it still to come; each test takes about as long as the base's did."""
    training = training_left(history)
    if training is None or history.base is None:
        return training
    return training + history.base.seconds * (2 if shows_example(history) else 1)


def shows_example(history: History) -> bool:
    """Whether the base is tested once more after the training, shown one worked example."""
    method = history.base.method if history.base else None
    return method is not None and method.system_prompt is not None


def dollars(history: History, job: JobFile | None = None) -> float | None:
    """What all attempts cost up to now: on a Job at its own price, without the time before its worker began, else at a
    T4 small Space's list price; None where neither is the price.
    """
    if job is not None:
        return history.seconds / 3600 * job.dollars_an_hour if job.dollars_an_hour else None
    on_t4 = history.started is not None and "T4" in history.started.hardware
    return dollars_for(history, history.seconds) if on_t4 else None


def dollars_for(history: History, seconds: float) -> float | None:
    """What so many seconds cost where a run was made: at a T4 small Space's list price, 0 without a GPU, else None."""
    hardware = history.started.hardware if history.started else ""
    if "T4" in hardware:
        return seconds / 3600 * T4_DOLLARS_PER_HOUR
    return 0.0 if NO_GPU.match(hardware) else None


def price_words(job: JobFile | None = None) -> str:
    """Which price a cost is by."""
    if job is None:
        return "at a T4 small's list price"
    return f"at {job.flavor}'s ${job.dollars_an_hour:.2f} an hour, without the Job's start"


def cost_so_far(history: History, job: JobFile | None = None) -> str:
    """The cost, `$0.30 so far, about $1.40 in all at a T4 small's list price`; empty where no price is known."""
    so_far, left = dollars(history, job), left_in_all(history)
    if so_far is None:
        return ""
    in_all = ""
    if left is not None:
        whole = so_far + left / 3600 * (job.dollars_an_hour if job else T4_DOLLARS_PER_HOUR)
        in_all = f", about {price(whole) if job is None or whole >= 1 else f'${whole:.2f}'} in all"
    return f"${so_far:.2f} so far{in_all} {price_words(job)}"


def left_words(history: History) -> str:
    """The time left, `about 3 min of training left, then about 40 s to test the tuned model`; empty: not known."""
    training, whole = training_left(history), left_in_all(history)
    if training is None or whole is None:
        return ""
    tested = "the tuned model, and the base with an example" if shows_example(history) else "the tuned model"
    test = f", then about {duration(whole - training)} to test {tested}" if whole > training else ""
    return f"about {duration(training)} of training left{test}"
