"""Watches a run for what should worry its owner. Each alarm is raised once."""

import math
import statistics
from collections.abc import Iterator

from grpo_space.grading.rewards import LIMITS
from grpo_space.runs.events import ALL_RIGHT, NONE_RIGHT, TEACHING, Alarm, Probe, Step, reward_of
from grpo_space.runs.history import History

STILL_STEPS = 20
"""Steps after which a reward that has not varied raises an alarm: it teaches nothing."""
CUT_STEPS = 10
CUT_SHARE = 0.5
"""Share of completions that are cut off, over which so many steps in a row raise an alarm."""
TEACHING_STEPS = 10
FEW_TEACH = 0.2
"""Share of groups that teach, under which the mean of so many steps raises an alarm."""
BAD_STEPS = 5
"""Steps in a row without a usable gradient after which training stops. Single ones are the float16 loss scale finding
its level: by design, counted and not alarmed."""
PACE = 5
"""Steps over which the reward is averaged, to say that it rose."""


class Watch:
    """Watches a run's steps and probes. Those of earlier attempts count too, and their alarms are not raised again."""

    def __init__(self, history: History, control: bool = False) -> None:
        """`control`: the rewards are dealt at random, so nothing that is paid or learnt is a cause for alarm."""
        self.control = control
        self.steps = list(history.steps)
        self.probes = list(history.probes)
        self.raised = {alarm.name for alarm in history.alarms}
        self.bad = 0
        """Steps in a row without a usable gradient."""

    def step(self, step: Step) -> Iterator[Alarm]:
        """Alarms that a new step gives cause for."""
        self.steps.append(step)
        gradient = step.metrics.get("grad_norm", 0.0)
        self.bad = 0 if math.isfinite(gradient) else self.bad + 1
        taught = () if self.control else (self._still(), self._few_teach())
        yield from self._once(step.step, *taught, self._cut_off(), self._nan(step))

    def probe(self, probe: Probe) -> Iterator[Alarm]:
        """Alarms that a new probe gives cause for."""
        self.probes.append(probe)
        if not self.control:
            yield from self._once(probe.step, self._hacked(probe))

    def _once(self, step: int, *found: dict[str, str]) -> Iterator[Alarm]:
        for name, message in (item for each in found for item in each.items()):
            if name not in self.raised:
                self.raised.add(name)
                yield Alarm(step=step, name=name, message=message)

    def _still(self) -> dict[str, str]:
        recent = self._sampled(STILL_STEPS)
        if len(recent) < STILL_STEPS:
            return {}
        metrics = recent[-1].metrics
        names = [name.split("/")[1] for name in metrics if name.startswith("rewards/") and name.endswith("/std")]
        found = {}
        for name in names:
            # as text, since NaN is not NaN
            means = {f"{step.metrics.get(f'rewards/{name}/mean', math.nan):g}" for step in recent}
            if len(means) == 1 and not any(step.metrics.get(f"rewards/{name}/std", 0.0) > 0 for step in recent):
                found[f"still:{name}"] = _still_words(name, float(means.pop()))
        return found

    def _cut_off(self) -> dict[str, str]:
        recent = self._sampled(CUT_STEPS)
        shares = [step.metrics.get("completions/clipped_ratio", 0.0) for step in recent]
        if len(recent) < CUT_STEPS or min(shares) <= CUT_SHARE:
            return {}
        seen = f"More than half of the completions were cut off at the length limit for {CUT_STEPS} steps"
        return {"cut_off": f"{seen}. Raise grpo.max_completion_length, or ask for shorter answers."}

    def _few_teach(self) -> dict[str, str]:
        recent = [step.metrics for step in self._sampled(TEACHING_STEPS) if TEACHING in step.metrics]
        if len(recent) < TEACHING_STEPS:
            return {}
        share, right, wrong = (statistics.fmean(m[name] for m in recent) for name in (TEACHING, ALL_RIGHT, NONE_RIGHT))
        return {} if share >= FEW_TEACH else {"few_teach": _few_teach_words(share, right, wrong)}

    def _nan(self, step: Step) -> dict[str, str]:
        if not math.isnan(step.metrics.get("loss", 0.0)):
            return {}
        return {"nan": "The loss is not a number. Resume from the last checkpoint with a lower grpo.learning_rate."}

    def _hacked(self, probe: Probe) -> dict[str, str]:
        if not self.steps or not probe.n:
            return {}
        now = self._reward(probe.step)
        for earlier in self.probes[:-1]:
            then = self._reward(earlier.step)
            if round(now, 2) > round(then, 2) and _fell_beyond_chance(earlier, probe):
                return {"hacked": _hacked_words(earlier, probe, then, now)}
        return {}

    def _reward(self, until: int) -> float:
        """Mean reward of the steps just before and at `until`."""
        rewards = [reward_of(step) for step in self.steps if step.step <= until and "reward" in step.metrics]
        return statistics.fmean(rewards[-PACE:]) if rewards else math.nan

    def _sampled(self, most: int) -> list[Step]:
        """The latest steps that sampled completions: where a batch serves several steps, not every one does."""
        return [step for step in self.steps if "reward" in step.metrics][-most:]


def _fell_beyond_chance(earlier: Probe, now: Probe) -> bool:
    """Whether the share of right answers fell by more than chance (two shares, pooled, z of 2 and more), as if the
    problems were not the same ones, which is on the safe side.
    """
    n = earlier.n + now.n
    share = (earlier.correct + now.correct) / n
    error = math.sqrt(share * (1 - share) * (1 / earlier.n + 1 / now.n))
    return error > 0 and (earlier.correct / earlier.n - now.correct / now.n) / error >= 2


def _hacked_words(earlier: Probe, probe: Probe, then: float, now: float) -> str:
    return (
        f"Since step {earlier.step} the reward rose from {then:.2f} to {now:.2f}, but right answers to held-out "
        f"problems fell from {earlier.correct} to {probe.correct} of {probe.n}. The model may earn its reward without "
        "solving the problems: look at what it writes."
    )


def _few_teach_words(share: float, right: float, wrong: float) -> str:
    seen = f"In the last {TEACHING_STEPS} steps only {100 * share:.0f} % of the groups taught, as some of their "
    seen += f"completions were right and others not: in {100 * right:.0f} % all were right, in {100 * wrong:.0f} % none"
    if right >= wrong:
        return f"{seen}. Little is left to learn from these problems: harder ones would teach more."
    return f"{seen}. Most problems are too hard for this model: easier ones, or a larger model, would teach more."


def _still_words(name: str, mean: float) -> str:
    if math.isnan(mean):
        return f"The reward {name} has had no opinion on any completion for {STILL_STEPS} steps: it teaches nothing."
    if name in LIMITS and mean >= LIMITS[name][1]:
        return f"Every completion earned the whole reward {name} for {STILL_STEPS} steps: it has nothing left to teach."
    return (
        f"The reward {name} has paid every completion the same ({mean:g}) for {STILL_STEPS} steps: it teaches nothing. "
        "Look at what the model writes: it may never do what this reward asks for."
    )
