"""The events of a run, one JSON object a line: all that the app, the command line and the card know of a worker."""

import math
import time
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue, model_validator

from grpo_space.config import TaskName
from grpo_space.tasks.problems import Row

Which = Literal["base", "tuned", "example", "examples", "explained"]
"""Whose answers: the base's, the tuned model's, or the base's with a better prompt: shown one or four worked examples,
or with the format explained in its Task's own words.
"""
SuiteName = Literal["quick", "full"]
Moment = Annotated[float, Field(ge=0, lt=253_402_300_800)]
"""Seconds since 1970, before the year 10000: what a calendar has. A log may come from elsewhere."""
Seconds = Annotated[float, Field(gt=-1e12, lt=1e12)]
Count = Annotated[int, Field(ge=0, lt=2**53)]


class Record(BaseModel):
    """The base of everything in a log. Lines are written with its own `model_dump_json`: only so does NaN survive."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants", protected_namespaces=())


class Event(Record):
    """Something that happened at a moment."""

    time: Moment = Field(default_factory=time.time)
    """When it happened, in seconds since 1970."""


class EvaluationRequest(Record):
    """What an evaluation is of. By default: the run's adapter on its held-out problems, answered greedily."""

    data: str = "held-out"
    """The problems: held-out, gsm8k-test, or a file; of a standalone evaluation a preset or a Hub dataset, too."""
    adapter: str = ""
    """Another adapter than the run's: a folder, or a name on the Hub."""
    base: str = ""
    """Of a standalone evaluation, which belongs to no training: the base, a folder or a name on the Hub."""
    tuned: str = ""
    """Another model in the tuned one's place, where a standalone evaluation is of two models: a folder or a name."""
    checkpoint: int | None = None
    """The optimizer step of one of the run's checkpoints, in place of its adapter."""
    limit: int | None = None
    """The most problems: the first ones by a hash of their text, the same for everybody."""
    samples: int = 1
    """Answers to each problem. 1: a greedy one; more are sampled."""
    suite: SuiteName | None = None
    """All sets of problems of a suite, in place of `data`: see `tasks/suite.py`."""
    seed: int = 0
    """Of a suite, or one of its sets: what its fresh problems are made from."""


class Started(Event):
    """A worker began with a run, or with it once more."""

    type: Literal["started"] = "started"
    task: Literal["train", "evaluate", "preflight"] = "train"
    attempt: Count = 1
    from_step: Count = 0
    """Steps beyond this one, emitted by an earlier attempt, no longer count."""
    hardware: str = ""
    versions: dict[str, str] = {}
    request: EvaluationRequest = Field(EvaluationRequest(), validation_alias=AliasChoices("request", "asked"))
    """What an evaluation is of. Logs written before 2026-11-26 call it `asked`."""
    of_attempt: Count = 0
    """The run's attempt whose adapter an evaluation measures; 0: logs written before 2026-11-27 do not say."""


class Chosen(Event):
    """What loads and trains the model here, and what writes the completions; emitted before it is tried."""

    type: Literal["chosen"] = "chosen"
    engine: Literal["unsloth", "transformers"]
    rollout: Literal["vllm", "generate"]
    why: str
    gpus: Count = 1
    """Processes that train together, each on a GPU of its own where there are any."""


class Loaded(Event):
    """What the run works with, known once data and model are there."""

    type: Literal["loaded"] = "loaded"
    engine: str
    model_commit: str
    data_commit: str
    """Commits on the Hub, or digests of local files."""
    rows: str
    """What was read and how it was shared out, in a sentence."""
    task: TaskName = "number"
    """The kind of answer that the problems have."""
    rows_digest: str = ""
    """Digest of the problems and how they were shared out: a resumed run and a later evaluation must have the same."""
    folds_system: bool = False
    """Whether the system prompt stood in the first user turn, as the chat template has no other place for it."""
    tuned_commit: str = ""
    """That of the model in the tuned one's place, where a standalone evaluation is of two models."""
    settings: dict[str, JsonValue] = {}
    """The settings that decide what is learnt: see `trained_with`. Logs written before 2026-11-28 have none."""
    code: dict[str, str] = {}
    """Digest of the file of each function of one's own, by its name. Logs written before 2026-11-28 have none."""


PhaseName = Literal[
    "job",
    "data",
    "download",
    "load",
    "evaluate_base",
    "evaluate_example",
    "evaluate_examples",
    "evaluate_explained",
    "train",
    "save",
    "evaluate_tuned",
    "preflight",
]


class Phase(Event):
    """What a worker does from here on, or how far it is."""

    type: Literal["phase"] = "phase"
    what: PhaseName
    detail: str = ""
    expected_seconds: Seconds | None = None
    """How long it takes, as far as that is known; of the training only its first step, which compiles."""
    done: Count = 0
    total: Count = 0
    """Bytes of a download, problems of an evaluation, steps of the training; 0: not countable."""
    rate: float = 0.0
    """Speed of a download, in bytes a second."""


HELD_GIB = "gpu/held_gib"
"""The metric of a step that is ours: GiB of GPU memory that PyTorch has held at most up to then."""


def held_by(rank: int) -> str:
    """HELD_GIB on the GPU of that rank, where several train a run together: the first one's has the plain name."""
    return f"{HELD_GIB}/{rank}" if rank else HELD_GIB


NEW_REWARD = "prompts/new_reward"
"""The metric of a step that is ours, where prompts are chosen: the mean reward of those that were drawn in their turn.
That of all says little about learning then, since what is solved is dropped.
"""

TEACHING, ALL_RIGHT, NONE_RIGHT = "groups/teaching", "groups/all_right", "groups/none_right"
"""Metrics of a step that are ours: shares of its groups, 0..1, in which some completions are right and others not, all
are, or none is. Only the first kind shows which way is better. Logs written before 2026-11-27 do not say.
"""
NEW_PROMPTS, NEW_RIGHT = "prompts/new", "prompts/new_right"
"""Metrics of a step that are ours: its prompts that were not chosen for what they taught before, and the share, 0..1,
of their completions that are right.
"""


class Step(Event):
    """An optimizer step."""

    type: Literal["step"] = "step"
    step: Count
    seconds: Seconds
    metrics: dict[str, float]
    """What TRL logs, by its names: reward, reward_std, rewards/<name>/mean, completions/mean_length, loss, grad_norm,
    ... And ours: TEACHING and the like, with chosen prompts NEW_REWARD, and with a GPU HELD_GIB.
    """


def reward_of(step: Step) -> float:
    """The mean reward that can be compared over a run: of the new prompts, where others were chosen; NaN: none."""
    return step.metrics.get(NEW_REWARD, step.metrics.get("reward", math.nan))


class Probe(Event):
    """How many of a few held-out problems, never the evaluation's, were answered rightly while training. Greedy."""

    type: Literal["probe"] = "probe"
    step: Count
    correct: Count
    strict_correct: Count
    n: Count

    @model_validator(mode="after")
    def _of_all(self) -> Self:
        if max(self.correct, self.strict_correct) > self.n:
            raise ValueError(f"{self.correct} of {self.n} is not a share")
        return self


class Completion(Record):
    """What a model wrote after a prompt, and how it was graded."""

    text: str
    tokens: Count
    cut_off: bool
    """Whether it ran into the length limit."""
    value: str | None
    """The answer that was read in it; None: there is none."""
    correct: bool
    strict: bool
    """Whether it is right, and in the format asked for."""
    reason: str


class Sample(Completion):
    """A completion of a group, as GRPO sees it."""

    rewards: dict[str, float]
    """What each reward function paid, before weights."""
    advantage: float


class Group(Event):
    """A prompt with its G completions. It was an event until 2026-11-27; since then groups have a file of their own."""

    type: Literal["group"] = "group"
    step: Count
    question: str
    gold: str
    samples: tuple[Sample, ...]
    task: TaskName = "number"
    """The kind of answer. Logs written before 2026-11-27 know numbers alone."""
    details: str = ""
    """What its Task needs besides, as JSON; empty: nothing."""

    @property
    def problem(self) -> Row:
        """The problem that the group is about."""
        return Row(self.question, self.gold, task=self.task, details=self.details)


class KeptGroup(Event):
    """A group as it stands in `groups.jsonl`: what a list of groups needs to know comes before the texts."""

    type: Literal["group"] = "group"
    step: int
    right: int
    size: int
    question: str
    gold: str
    samples: tuple[Sample, ...]
    task: TaskName
    details: str


class Answer(Completion):
    """An answer to a problem of an evaluation."""

    question: str
    gold: str
    kind: str = ""
    """The problem's own label, where its file gives one."""
    steps: Count = 0
    """Steps of the expected solution; 0: that is not known."""
    task: TaskName = "number"
    details: str = ""

    @property
    def problem(self) -> Row:
        """The problem that was answered."""
        return Row(self.question, self.gold, self.kind, self.steps, self.task, self.details)


class Method(Event):
    """How answers were come by: all that they depend on. The first line of a file of answers."""

    type: Literal["method"] = "method"
    which: Which
    key: str
    """Digest of all this, of every problem and of the files that read the answers."""
    model: str
    model_commit: str
    adapter: str
    """Digest of the adapter's weights; empty: none was on."""
    system_prompt: str | None
    example: bool
    """Whether a worked example stands in the prompt."""
    examples: int = 0
    """Number of worked examples in the prompt; logs written before 2026-11-27 know `example` alone."""
    temperature: float
    """Of sampling; 0: greedy."""
    samples: int
    seed: int
    max_new_tokens: int
    engine: str
    versions: dict[str, str]
    extractor: str
    """Digest of the files that decide what is asked and what is right."""
    problems: int


class Answered(Event):
    """One answer to one problem, written as soon as it is there."""

    type: Literal["answered"] = "answered"
    problem: int
    """The problem's number, from 0."""
    sample: int
    answer: Answer


class Sampled(Event):
    """Several sampled answers to each problem."""

    type: Literal["sampled"] = "sampled"
    which: Literal["base", "tuned"]
    key: str
    seconds: Seconds
    method: Method
    answers: tuple[tuple[Answer, ...], ...]


class Evaluated(Event):
    """A greedy answer to each problem."""

    type: Literal["evaluated"] = "evaluated"
    which: Which
    key: str
    """Digest of all that the result depends on: model, adapter, problems, prompts, decoding, extractor."""
    seconds: Seconds
    answers: tuple[Answer, ...]
    reused_from: str = ""
    """The run that made this result, if it was another one."""
    method: Method | None = None
    set: str = ""
    """Of a suite's results, the set of problems; empty: the log is of one set."""
    commit: str = ""
    """Of a set that is on the Hub, the dataset's commit."""

    @property
    def n(self) -> int:
        """Number of problems."""
        return len(self.answers)

    @property
    def correct(self) -> int:
        """Number of right answers, wherever they stand."""
        return sum(answer.correct for answer in self.answers)

    @property
    def strict_correct(self) -> int:
        """Number of right answers in the format asked for."""
        return sum(answer.strict for answer in self.answers)

    @property
    def asked(self) -> list[tuple[str, str]]:
        """The problems, question and right answer: only results of the same ones are compared."""
        return [(answer.question, answer.gold) for answer in self.answers]


class LeftOut(Event):
    """A set of a suite that was not measured, or one of the base's prompts, and why."""

    type: Literal["left_out"] = "left_out"
    set: str
    which: Which = "tuned"
    """tuned: the whole set."""
    why: str


class Remembered(Event):
    """How often the base completes test questions from memory: shown the first 60 % of a question's words, does it
    write the others word for word? Asked twice: of the question, and of the same one with other numbers in it.
    """

    type: Literal["remembered"] = "remembered"
    both: Count
    only_original: Count
    only_changed: Count
    neither: Count
    seed: int
    """By which the other numbers were drawn."""

    @property
    def n(self) -> int:
        """Number of questions."""
        return self.both + self.only_original + self.only_changed + self.neither


class Finding(Record):
    """One thing that a preflight looked at."""

    name: str
    value: float
    words: str
    advice: str = ""
    """What to do about it, where something should be done."""
    stops: bool = False
    """Whether training would be money thrown away."""


class Paid(Record):
    """A completion and what a reward paid for it, before weights."""

    question: str
    text: str
    paid: float
    correct: bool


class RewardReport(Record):
    """What a reward paid for a preflight's completions, before weights."""

    label: str
    own: bool
    weight: float
    n: int
    mean: float
    spread: float
    """The mean of the groups' standard deviations."""
    varied: int
    groups: int
    low: float
    high: float
    zeros: int
    silent: int
    """Completions that it had no opinion on: None or NaN."""
    with_correctness: float
    """Correlation with right answers, -1..1; NaN where one of the two never changes."""
    examples: tuple[Paid, ...]
    """The completions that were paid most, in the middle, and least."""
    doubts: tuple[str, ...]
    """Why it may not teach; of rewards of the user's own."""


class Preflight(Event):
    """What the base model does with the run's prompts and rewards, before anything is trained."""

    type: Literal["preflight"] = "preflight"
    prompts: Count
    group_size: Count
    seconds_per_step: Seconds
    run_seconds: Seconds
    """Expected seconds of the whole run: training, evaluations and probes."""
    dollars: float | None
    """Expected price of the run on this Space's hardware; None elsewhere."""
    findings: tuple[Finding, ...]
    rewards: tuple[RewardReport, ...] = ()
    """What each reward paid; logs written before 2026-11-27 do not say."""
    memory: Remembered | None = None
    """What the base remembers of the test questions; None: that was not looked at."""

    @property
    def trainable(self) -> bool:
        """Whether nothing was found that makes training pointless."""
        return not any(finding.stops for finding in self.findings)


class Alarm(Event):
    """Something that the user should know, and what to do about it."""

    type: Literal["alarm"] = "alarm"
    step: Count
    name: str
    message: str


FallbackName = Literal["cache", "chunked", "micro_batches", "length", "group", "generate", "evaluation", "probe"]
"""What is made smaller: vLLM's cache, the completions written at a time, the completions of one forward and backward
pass, their length, the groups, vLLM itself (plain generation takes its place), the problems answered at once in an
evaluation or a probe.
"""


class Fallback(Event):
    """After a failure the run resumes with less, and says with what."""

    type: Literal["fallback"] = "fallback"
    step: Count
    cause: Literal["vllm", "memory"]
    name: FallbackName
    message: str


Activity = Literal["", "load", "write", "learn", "answer", "probe"]
"""What a worker does at a moment, finer than its phase: loads the model, writes completions, learns from them (with the
rewards and the optimizer's step), answers an evaluation's problems, or a probe's. Empty: nothing of these.
"""


class Failed(Event):
    """An attempt ended because something went wrong."""

    type: Literal["failed"] = "failed"
    boundary: str
    """Which part failed: data, download, load, evaluate_base, train, save, evaluate_tuned, or worker; of a run on a Job
    also job_ended, or job_lost: it may train on, and nobody can follow it.
    """
    message: str
    user_error: bool = False
    traceback: str = ""
    activity: Activity = ""


class Finished(Event):
    """An attempt ended as it should."""

    type: Literal["finished"] = "finished"
    why: Literal["done", "stopped", "budget", "learnt"]
    """learnt: there was nothing left to learn from its problems."""
    message: str = ""


AnyEvent = Annotated[
    Started
    | Chosen
    | Loaded
    | Phase
    | Step
    | Probe
    | Group
    | Method
    | Answered
    | Sampled
    | Evaluated
    | LeftOut
    | Remembered
    | Preflight
    | Alarm
    | Fallback
    | Failed
    | Finished,
    Field(discriminator="type"),
]

_OLD_FALLBACKS: dict[str, FallbackName] = {"apart": "chunked", "passes": "micro_batches"}
"""Names that fallbacks had in logs written before 2026-11-26."""


def modern(event: AnyEvent) -> AnyEvent:
    """An event of a log written before 2026-11-26, where a fallback was an alarm of a certain name, as it is now."""
    if not isinstance(event, Alarm):
        return event
    prefix, colon, name = event.name.partition(":")
    if event.name == "vllm":
        cause: Literal["vllm", "memory"] = "vllm"
        name = "generate"
    elif prefix == "memory" and colon:
        cause, name = "memory", _OLD_FALLBACKS.get(name, name)
    else:
        return event
    fields = {"time": event.time, "step": event.step, "cause": cause, "name": name, "message": event.message}
    return Fallback.model_validate(fields)
