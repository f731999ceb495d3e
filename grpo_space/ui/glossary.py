"""The page's header, and the glossary of the field's words."""

from grpo_space.ui.live import progress
from grpo_space.ui.live.follower import Page, Taken
from grpo_space.ui.markup import tag, text

WHAT = "Turn a small language model into a reasoning model with GRPO, and see whether it worked."
GLOSSARY = {
    "Prompt, completion": "A prompt is a problem as the model sees it; a completion is what the model writes after it.",
    "Group": "The G completions that are sampled for one prompt. Each is compared with the others, so no second "
    "model is needed to say what was to be expected.",
    "Greedy, temperature": "Greedily, a model always writes its likeliest token: the same answer every time. With a "
    "temperature it also takes less likely ones, the more the higher.",
    "mean@k, pass@k, maj@k": "Of k sampled answers to each problem: the share that is right; of problems with at least "
    "one right answer; and of those where the answer given most often is right.",
    "Reward": "A number that a function pays for a completion: for a right answer, for the format, and so on.",
    "Advantage": "How much more a completion earned than its group's mean, divided by the group's spread. Positive: it "
    "becomes likelier. Where all earn the same it is 0, and nothing is learnt.",
    "Base, tuned": "The model as it came, and the same model with what it has learnt.",
    "Adapter (LoRA)": "What is learnt: small matrices beside the model's weights, which stay as they are.",
    "Held-out": "Problems that are never trained on. A model that only learnt its problems by heart fails on them.",
    "KL": "How far the tuned model's words have moved from the base's. It is shown where the config asks for it "
    "(beta).",
    "Entropy": "How undecided the model is at each token. At 0 it always writes the same, and tries nothing new.",
    "95 % interval": "Where the true share lies, as far as so many problems can tell.",
    "p": "The chance of so uneven a result if there were no difference at all. Below 0.05 we say: beyond chance.",
}


def opening(machine: str) -> str:
    """The header in the moment before it is known what runs."""
    return _head(tag("span", text(machine), "gs-chip"), "")


def header(machine: str, page: Page | None, taken: Taken | None) -> str:
    """The header: what this is, what it runs on, and which run is active, or what else has the machine."""
    kind, status, told = "gs-chip", "no run is active", ""
    if page is not None and page.status == "running":
        history = page.history
        at = f", step {history.step:,} of {history.max_steps:,}" if history.max_steps else ""
        kind, status = "gs-chip gs-is-running", f"a run is active: {page.run.id}{at}"
        told = f' data-progress="{progress.brief(history)}" data-phase="{progress.phase_words(history)}"'
    elif taken is not None and (page is None or page.run != taken.run):
        other = f"another run is active: {taken.run.id}" if taken.run else f"the machine is {taken.doing}"
        kind, status = "gs-chip gs-is-running", other
    if page is not None and page.status != "running":
        told = f' data-ended="{progress.BADGES[page.status]}" data-phase="{progress.BADGES[page.status]}"'
    return _head(tag("span", text(machine), "gs-chip") + tag("span", text(status), kind), told)


def _head(chips: str, told: str) -> str:
    return tag("h1", "GRPO Space") + tag("p", WHAT) + f'<div class="gs-chips"{told}>{chips}</div>'


def glossary() -> str:
    """The words of the field and what they mean, as HTML."""
    return tag("dl", "".join(tag("dt", word) + tag("dd", means) for word, means in GLOSSARY.items()), "gs-glossary")
