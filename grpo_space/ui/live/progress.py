"""The progress of a run, or its end, in words."""

import time
from collections.abc import Sequence

from grpo_space import hub
from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.formatting import counted, duration, number
from grpo_space.jobs.places import most_dollars
from grpo_space.planning.estimate import cost_so_far, first_step_words, left_words
from grpo_space.results import headlines
from grpo_space.results.comparison import Comparison, of
from grpo_space.results.sentences import words
from grpo_space.results.statistics import percent
from grpo_space.results.summary import NOT_BY_THE_WORKER, PHASES, download_words, failed_words
from grpo_space.runs import evaluations
from grpo_space.runs.evaluations import Look
from grpo_space.runs.events import Alarm, EvaluationRequest, Failed, Phase
from grpo_space.runs.history import History
from grpo_space.runs.job_file import LIMIT, JobFile
from grpo_space.runs.run import Status
from grpo_space.ui.markup import box, link, note, tag, text, with_links

STAGES = {
    "data": "Data",
    "load": "Load the model",
    "evaluate_base": "Test the base",
    "train": "Train",
    "save": "Save",
    "evaluate_tuned": "Test the tuned",
}
EVALUATION = {what: STAGES[what] for what in ("data", "load", "evaluate_base", "evaluate_tuned")}
EXAMPLE = {"evaluate_example": "Base with an example"}
BADGES = {
    "new": "not started yet",
    "running": "running",
    "done": "done",
    "stopped": "stopped",
    "budget": "stopped at the time limit",
    "learnt": "done early",
    "failed": "failed",
    "died": "died",
}
STARTING = note("info", "The worker is starting: a few seconds. Where this stays, it never started: start again.")


LOOKING = tag("p", "Looking at the runs.", "gs-dim")
"""What stands in the place of a run in the moment before the page is sent it."""


def nothing_yet() -> str:
    """What is shown before the first run."""
    return note(
        "info",
        tag("b", "Nothing has been trained here yet."),
        "Press the button above. You will see the model try, what it is paid for, and how it changes; at the end the "
        "same held-out problems are given to the model before and after, and the difference is tested.",
    )


def now(
    name: str,
    config: RunConfig | None,
    history: History,
    status: Status,
    stopping: bool,
    checkpoint: int | None = None,
    looks: Sequence[Look] = (),
    job: JobFile | None = None,
) -> str:
    """The run's head: what it is, how far it is, what comes next. `looks`: every one at the run; `job`: what trains
    it, where that is not this machine.
    """
    model = f"{config.model.base_id or config.model.id}, {counted(config.grpo.max_steps, 'step')}" if config else ""
    head = _head(name, status, model) + (on_a_job(job) if job else "")
    for headline in headlines.of(config, history):
        head += note("warning", tag("b", text(headline)))
    if status == "running":
        limit = config.max_minutes if config else None
        evaluates = history.started is not None and history.started.task == "evaluate"
        stages = _evaluation(history, config) if evaluates else STAGES | _example(history, config)
        return head + _stages(history, stages) + _progress(history, stopping, limit, job)
    return head + "".join(_ending(history, status, checkpoint, looks, job))


def standalone(
    name: str,
    config: RunConfig | None,
    history: History,
    request: EvaluationRequest,
    status: Status,
    stopping: bool,
    looks: Sequence[Look] = (),
) -> str:
    """The head of a standalone evaluation: what is evaluated, how far it is, or what came of it."""
    head = _head(name, status, f"an evaluation of {evaluations.name(request)}")
    if status == "running":
        return head + _stages(history, _evaluation(history, config)) + _progress(history, stopping, None)
    if history.base and history.tuned:
        return head + changed(history, looks)
    if history.measured:
        return head + note("info", "It is done: Compare shows it.")
    return head + (not_evaluated(history, "Resume takes it up where it was.") if history.started else STARTING)


def _head(name: str, status: Status, what: str) -> str:
    badge = tag("span", BADGES[status], f"gs-badge gs-is-{status}")
    return box("gs-run", badge, tag("b", text(name)), tag("span", text(what), "gs-dim"))


def on_a_job(job: JobFile) -> str:
    """Where a run is trained, for how long and at which price at most, with the way to its Job and its repository."""
    dollars = most_dollars(job.dollars_an_hour, job.minutes)
    most = f"up to {job.minutes:,} min, at most ${dollars:.2f}, paid by {job.namespace}"
    where = link(f"{hub.SITE}/jobs/{job.namespace}/{job.job_id}", "its page") if job.job_id else "not started yet"
    carried = link(hub.page(job.repository, "dataset"), job.repository)
    return tag("p", f"On a Job, {text(job.flavor)}, {text(most)}: {where}; carried by {carried}.", "gs-dim")


def _evaluation(history: History, config: RunConfig | None) -> dict[str, str]:
    """The stages of an evaluation after the run."""
    return EVALUATION | _example(history, config)


def _example(history: History, config: RunConfig | None) -> dict[str, str]:
    """The last stage: a worked example is shown only where a system prompt tells of the format."""
    prompt = config is not None and config.data.system_prompt is not None
    return EXAMPLE if prompt and evaluations.request_of(history).samples == 1 else {}


def _stages(history: History, stages: dict[str, str]) -> str:
    """The stages of a run, with the one that it is at."""
    names = list(stages)
    what = history.phase.what if history.phase else ""
    here = names.index("load" if what == "download" else what) if what in (*stages, "download") else -1
    marks = []
    for i, (name, stage) in enumerate(stages.items()):
        kind = "gs-done" if i < here else "gs-here" if i == here else ""
        current = ' aria-current="step"' if i == here else ""
        marks.append(f'<li class="{kind}"{current} data-stage="{name}">{stage}</li>')
    return f'<ol class="gs-stages">{"".join(marks)}</ol>'


def _progress(history: History, stopping: bool, limit: float | None, job: JobFile | None = None) -> str:
    phase = history.phase
    if phase is None:
        return tag("p", "The worker is starting: a few seconds.", "gs-doing")
    done = history.step if phase.what == "train" else phase.done
    detail = f": {phase.detail}" if phase.detail else ""
    parts = [tag("b", text(f"{PHASES[phase.what].capitalize()}{detail}"))]
    if phase.what == "train" and phase.total:
        parts.append(f"step {done:,} of {phase.total:,}")
        if history.seconds_per_step:
            parts.append(f"{number(history.seconds_per_step, 1)} s a step")
        if first := first_step_words(history):
            parts += [text(first), _expected(phase, history)]
        else:
            parts += [left_words(history), text(cost_so_far(history, job))]
        parts.append(_held(history))
        parts += [f"it ends within {limit:g} min of its start, saved and tested"] if limit else []
    elif phase.what == "download":
        parts.append(download_words(phase))
    else:
        what = "problems" if evaluations.request_of(history).samples == 1 else "answers"
        parts += [f"{done:,} of {phase.total:,} {what}"] if phase.total else []
        parts.append(_expected(phase, history))
    label = text(PHASES[phase.what])
    bar = f'<div class="gs-bar gs-busy" role="progressbar" aria-label="{label}"><div></div></div>'
    if phase.total:
        share = 100 * done / phase.total
        bar = (
            f'<div class="gs-bar" role="progressbar" aria-valuenow="{done}" aria-valuemin="0" '
            f'aria-valuemax="{phase.total}" aria-label="{label}">'
            f'<div style="width:{share:.1f}%"></div></div>'
        )
    then = ": it finishes the step at hand, then saves what was learnt." if phase.what == "train" else "."
    stop = note("warning", f"Stopping{then}") if stopping else ""
    return tag("p", " · ".join(words for words in parts if words), "gs-doing") + bar + stop


def _held(history: History) -> str:
    """The memory that is held of each GPU; empty without one."""
    held = history.held_gib
    cards = " and ".join(f"{number(gib, 1)}" for gib in held) + (f" GiB on {len(held)} GPUs" if held[1:] else " GiB")
    return f"GPU memory held: {cards}" if held else ""


def brief(history: History) -> str:
    """How far a run is, short enough for the page's title: `40 % training`."""
    phase = history.phase
    if phase is None:
        return "starting"
    done = history.step if phase.what == "train" else phase.done
    share = f"{100 * done // phase.total} % " if phase.total else ""
    return text(f"{share}{PHASES[phase.what]}")


def phase_words(history: History) -> str:
    """What a run is doing, in words that change only with its phase."""
    return text(PHASES[history.phase.what].capitalize()) if history.phase else "Starting"


def _expected(phase: Phase, history: History) -> str:
    """How long this takes here, as far as anybody knows."""
    since = max(0.0, time.time() - phase.time)
    if phase.what == "evaluate_tuned" and not phase.done and history.base and not history.base.reused_from:
        return f"about {duration(history.base.seconds)}, as long as the base took"
    if phase.expected_seconds:
        left = phase.expected_seconds - since
        return f"about {duration(left)} left" if left > 1 else "nearly there"
    return f"for {duration(since)}" if since >= 3 else ""


def evaluating(history: History, config: RunConfig | None, stopping: bool) -> str:
    """How far an evaluation after the run is: of what, and about how long."""
    request, phase = evaluations.request_of(history), history.phase
    head = tag("p", f"Evaluating {tag('b', text(evaluations.name(request)))}." if history.started else "Evaluating.")
    then = "The tuned model follows, and takes about as long." if phase and phase.what == "evaluate_base" else ""
    return (
        head
        + _stages(history, _evaluation(history, config))
        + _progress(history, stopping, None)
        + tag("p", then, "gs-dim")
    )


def not_evaluated(history: History, again: str = "Evaluate the same again: it resumes where it was.") -> str:
    """Why an evaluation came to nothing, and what to do. `again`: how it is made again."""
    what, end = f"The evaluation of {text(evaluations.name(evaluations.request_of(history)))}", history.end
    if isinstance(end, Failed):
        while_ = PHASES.get(end.boundary, "working")
        more = f"{again} The worker's log in Train says more."
        advice = "Put it right, then evaluate again." if end.user_error else more
        return note("bad", tag("b", f"{what} failed while {while_}."), *map(text, end.message.splitlines()), advice)
    if end is not None:
        return note("warning", tag("b", f"{what} was stopped."), again)
    killed = "It was killed and could not say why: most often memory ran out, or the machine was restarted."
    return note("bad", tag("b", f"{what} was cut off."), killed, again)


def _ending(
    history: History, status: Status, checkpoint: int | None, looks: Sequence[Look], job: JobFile | None
) -> list[str]:  # fmt: skip
    step, most = history.step, history.max_steps
    at = f"at step {step:,} of {most:,}" if most else "before its first step"
    parts = []
    end = history.end
    if isinstance(end, Failed):
        words = "<br>".join(with_links(line) for line in end.message.splitlines())
        advice = (
            "This is for you to put right. Then Resume takes the run up; a setting is changed in Preset, and trained "
            "anew."
            if end.user_error
            else "What was saved before is kept. The worker's log below holds the details"
            + ("." if end.boundary in NOT_BY_THE_WORKER else "; Resume tries again from the last checkpoint.")
        )
        parts.append(note("bad", tag("b", f"{failed_words(end)}, {at}."), words, advice))
    elif status == "died" and job is not None:
        first = f"Nobody has followed its Job since it was {at}." if step else "Nobody follows its Job."
        why = "The app was restarted, perhaps, and it trains on. Resume follows it, or starts another if it is over."
        parts.append(note("warning", tag("b", first), why))
    elif status == "died":
        first = ", before its first checkpoint: Resume begins it again"
        then = f": resume it from its last checkpoint (step {checkpoint:,})" if checkpoint else first
        why = (
            "The worker was killed and could not say why. Most often the machine was restarted, or ran out of memory. "
            "The button Resume takes it up again."
        )
        parts.append(note("bad", tag("b", f"This run was cut off {at}{then}."), why))
    elif status in ("stopped", "budget"):
        message = text(end.message) if end else ""
        why, more = ("at the time limit, ", " with a new limit") if status == "budget" else ("", "")
        if job is not None:
            why, more = ("at its Job's time limit, " if at_its_limit(history) else why), ", in another Job"
        kept = f"{message} Nothing is lost: Resume takes it up from there{more}."
        parts.append(note("warning", tag("b", f"Stopped {why}{at}."), kept))
    elif status == "learnt" and end:
        parts.append(note("info", tag("b", f"It was done early, {at}."), text(end.message)))
    elif status == "new":
        parts.append(STARTING)
    if history.base and history.tuned:
        parts.append(changed(history, looks))
    return parts


def at_its_limit(history: History) -> bool:
    """Whether a run was stopped because its Job's time limit was near: it says so last."""
    return any(isinstance(last, Alarm) and last.name == LIMIT for last in history.notices[-1:])


def changed(history: History, looks: Sequence[Look]) -> str:
    """What the run changed, in sentences with numbers; why they cannot be compared, where a log was edited."""
    try:
        compared = of(history, looks)
    except UserError as error:
        return note("bad", *map(text, error.problems))
    base, tuned = compared.base, compared.tuned
    shares = (
        f"On {counted(base.n, 'held-out problem')} the base model was right on {percent(base.correct, base.n)}, the "
        f"tuned one on {percent(tuned.correct, tuned.n)}; in brackets the 95 % interval."
    )
    verdict, *more = words(compared)
    return note(kind(compared), tag("b", text(verdict)), *map(text, more), text(shares))


def kind(compared: Comparison) -> str:
    """The colour of the note that tells the verdict."""
    if "down" in (compared.solving, compared.form):
        return "warning"
    return "good" if compared.solving == "up" else "info"


def notices(history: History) -> str:
    """What the user should know of a run so far: its alarms and fallbacks."""
    return "".join(note("warning", tag("b", f"Step {one.step}: ") + text(one.message)) for one in history.notices)


def story(history: History) -> str:
    """What the run works with, and its figures so far."""
    sentences = [text(history.loaded.rows)] if history.loaded else []
    if history.loaded:
        sentences.append(f"Engine: {text(history.loaded.engine)}.")
    if history.base:
        again = " (measured in an earlier run)" if history.base.reused_from else ""
        share = percent(history.base.correct, history.base.n)
        sentences.append(f"Base model: {share} right of {history.base.n:,}{again}; in brackets the 95 % interval.")
    if history.skipped_steps:
        were = "was" if history.skipped_steps == 1 else "were"
        sentences.append(
            f"{counted(history.skipped_steps, 'step')} {were} skipped while the "
            "float16 loss scale finds its level: by design."
        )
    return tag("p", " ".join(sentences), "gs-dim") if sentences else ""
