"""What a worker tells, one JSON object a line: the only way from it to the app, the command line and the card."""

import time
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field


class Record(BaseModel):
    """Base of everything in a log. Lines are written with its own `model_dump_json`: only so does NaN survive."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants", protected_namespaces=())


class Event(Record):
    time: float = Field(default_factory=time.time)
    """Seconds since 1970."""


class EvaluationRequest(Record):
    """What an evaluation is of. By default: the run's adapter, its held-out problems, answered greedily."""

    data: str = "held-out"
    """held-out, gsm8k-test, or a file."""
    adapter: str = ""
    """Another adapter: a folder, or its name on the Hub."""
    checkpoint: int | None = None
    """The step of one of the run's checkpoints."""
    limit: int | None = None
    """Only so many problems: the first ones by a hash of their text, the same for everybody."""
    samples: int = 1
    """1: greedy. More: so many sampled answers to each problem."""


class Started(Event):
    type: Literal["started"] = "started"
    task: Literal["train", "evaluate", "preflight"] = "train"
    attempt: int = 1
    from_step: int = 0
    """Steps beyond this one, told by an earlier attempt, no longer count."""
    hardware: str = ""
    versions: dict[str, str] = {}
    request: EvaluationRequest = Field(EvaluationRequest(), validation_alias=AliasChoices("request", "asked"))
    """What an evaluation is of. Logs written before 2026-11-26 call it `asked`."""
    of_attempt: int = 0
    """The run's attempt whose adapter an evaluation measures; 0: logs written before 2026-11-27 do not say."""


class Chosen(Event):
    """What loads and trains the model here, and what writes the completions; told before it is tried."""

    type: Literal["chosen"] = "chosen"
    engine: Literal["unsloth", "transformers"]
    rollout: Literal["vllm", "generate"]
    why: str


class Loaded(Event):
    """What the run works with, known once data and model are there."""

    type: Literal["loaded"] = "loaded"
    engine: str
    model_commit: str
    data_commit: str
    """Commits on the Hub, or digests of local files."""
    rows: str
    """What was read and how it was shared out, in a sentence."""
    rows_digest: str = ""
    """Of the problems and how they were shared out: a resumed run and a later evaluation must have the same."""


PhaseName = Literal[
    "data", "download", "load", "evaluate_base", "evaluate_example", "train", "save", "evaluate_tuned", "preflight"
]


class Phase(Event):
    type: Literal["phase"] = "phase"
    what: PhaseName
    detail: str = ""
    expected_seconds: float | None = None
    done: int = 0
    total: int = 0
    """0: not countable. Bytes of a download, problems of an evaluation, steps of the training."""
    rate: float = 0.0
    """Bytes a second of a download."""


class Step(Event):
    type: Literal["step"] = "step"
    step: int = Field(ge=0, lt=2**53)
    seconds: float
    metrics: dict[str, float]
    """TRL's names unchanged: reward, reward_std, rewards/<name>/mean, completions/mean_length, loss, grad_norm, ..."""


class Probe(Event):
    """Held-out problems, never the evaluation's, answered greedily while training."""

    type: Literal["probe"] = "probe"
    step: int
    correct: int
    strict_correct: int
    n: int = Field(gt=0)


class Completion(Record):
    text: str
    tokens: int
    cut_off: bool
    """It ran into the length limit."""
    value: str | None
    """The answer that was read."""
    correct: bool
    strict: bool
    """Right, and in the format asked for."""
    reason: str
    """Why it was graded so."""


class Sample(Completion):
    rewards: dict[str, float]
    """As the functions paid, before weights."""
    advantage: float


class Group(Event):
    """One prompt and its G completions."""

    type: Literal["group"] = "group"
    step: int
    question: str
    gold: str
    samples: tuple[Sample, ...]


class Answer(Completion):
    question: str
    gold: str
    kind: str = ""
    """The problem's own label, where its file gives one."""
    steps: int = 0
    """Steps of the expected solution; 0: it is not known."""


class Method(Event):
    """How answers were come by: all that they depend on. The first line of a file of answers."""

    type: Literal["method"] = "method"
    which: Literal["base", "tuned", "example"]
    key: str
    """Digest of all this, of every problem and of the files that read the answers."""
    model: str
    model_commit: str
    adapter: str
    """Digest of its weights; empty: without."""
    system_prompt: str | None
    example: bool
    """One worked example stands in the prompt."""
    temperature: float
    """0: greedy."""
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
    """From 0."""
    sample: int
    answer: Answer


class Sampled(Event):
    """Several sampled answers to each problem."""

    type: Literal["sampled"] = "sampled"
    which: Literal["base", "tuned"]
    key: str
    seconds: float
    method: Method
    answers: tuple[tuple[Answer, ...], ...]


class Evaluated(Event):
    type: Literal["evaluated"] = "evaluated"
    which: Literal["base", "tuned", "example"]
    """example: the base, shown one worked example of the format in its prompt."""
    key: str
    """Digest of all that the result depends on: model, adapter, problems, prompts, decoding, extractor."""
    seconds: float
    answers: tuple[Answer, ...]
    reused_from: str = ""
    """The run that made this result, if it was another one."""
    method: Method | None = None

    @property
    def n(self) -> int:
        return len(self.answers)

    @property
    def correct(self) -> int:
        return sum(answer.correct for answer in self.answers)

    @property
    def strict_correct(self) -> int:
        return sum(answer.strict for answer in self.answers)


class Finding(Record):
    """One thing that a preflight looked at."""

    name: str
    value: float
    words: str
    """What was seen."""
    advice: str = ""
    """What to do about it, where something should be done."""
    stops: bool = False
    """Training would be money thrown away."""


class Preflight(Event):
    """What the base model does with the run's prompts and rewards, before anything is trained."""

    type: Literal["preflight"] = "preflight"
    prompts: int
    group_size: int
    seconds_per_step: float
    run_seconds: float
    """Of the whole run: training, evaluations and probes."""
    dollars: float | None
    """On this Space's hardware; None elsewhere."""
    findings: tuple[Finding, ...]

    @property
    def trainable(self) -> bool:
        return not any(finding.stops for finding in self.findings)


class Alarm(Event):
    """Something that the user should know, and what to do about it."""

    type: Literal["alarm"] = "alarm"
    step: int
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
    step: int
    cause: Literal["vllm", "memory"]
    """Whether vLLM failed, or the GPU's memory ran out."""
    name: FallbackName
    message: str


Activity = Literal["", "load", "write", "learn", "answer", "probe"]
"""What a worker does at a moment, finer than its phase: loads the model, writes completions, learns from them (with the
rewards and the optimizer's step), answers an evaluation's problems, or a probe's. Empty: nothing of these.
"""


class Failed(Event):
    type: Literal["failed"] = "failed"
    boundary: str
    """Which part failed: data, download, load, evaluate_base, train, save, evaluate_tuned, or worker."""
    message: str
    user_error: bool = False
    traceback: str = ""
    activity: Activity = ""
    """What the worker was doing when it failed."""


class Finished(Event):
    type: Literal["finished"] = "finished"
    why: Literal["done", "stopped", "budget"]
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
    | Preflight
    | Alarm
    | Fallback
    | Failed
    | Finished,
    Field(discriminator="type"),
]

_OLD_FALLBACKS: dict[str, FallbackName] = {"apart": "chunked", "passes": "micro_batches"}
"""Names that were changed since."""


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
