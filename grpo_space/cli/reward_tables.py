"""A preflight's rewards in a terminal: what each paid, and why one of the user's own may not teach."""

from collections.abc import Collection, Iterator

from rich.console import RenderableType
from rich.table import Table

from grpo_space.cli.tables import table, text
from grpo_space.formatting import number
from grpo_space.runs.events import Preflight, RewardReport


def paid_rewards(found: Preflight) -> Iterator[RenderableType]:
    """What each reward paid; of those of the user's own also why they may not teach, and examples."""
    if not found.rewards:
        return
    first = found.rewards[0]
    columns = "reward", "weight", "mean", "spread", "differs", "least", "most", "paid 0", "silent", "with right"
    rows = [
        (r.label, f"{r.weight:g}", number(r.mean), number(r.spread), percent(r.varied, r.groups),
         number(r.low), number(r.high), percent(r.zeros, r.n), percent(r.silent, r.n), number(r.with_correctness))
        for r in found.rewards
    ]  # fmt: skip
    made = table(columns, rows)
    made.title = f"What each reward paid, before weights: {first.n} completions in {first.groups} groups"
    made.caption = (
        "spread: standard deviation within a group, on average; differs: share of groups; silent: None or NaN; with "
        "right: correlation with right answers, -1 to 1"
    )
    yield made
    for reward in found.rewards:
        if reward.own:
            yield from _own_reward(reward, {finding.words for finding in found.findings})


def percent(part: int, whole: int) -> str:
    """A share as `25 %`."""
    return f"{100 * part / whole:.0f} %"


def _own_reward(reward: RewardReport, findings: Collection[str]) -> Iterator[RenderableType]:
    """`findings`: what is said of the preflight anyway."""
    if set(reward.doubts) & set(findings):
        return
    if reward.doubts:
        yield text(f"Why {reward.label} may not teach:", "bold")
        for doubt in reward.doubts:
            yield text(f" ! {doubt}.", style="yellow")
    else:
        yield text(f"{reward.label}: nothing speaks against it.", "bold")
    names = ("paid most", "in the middle", "paid least")
    for name, example in zip(names, reward.examples, strict=False):
        right = "right" if example.correct else "wrong"
        shown = Table(title=text(f"{reward.label} {name}: {number(example.paid)} ({right})"), title_justify="left")
        shown.add_column(text(example.question))
        shown.add_row(text(example.text))
        yield shown
