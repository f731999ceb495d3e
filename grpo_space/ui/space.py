"""Messages that only a Space needs: what it costs, what it forgets, what cannot run there."""

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.formatting import duration
from grpo_space.planning import memory
from grpo_space.planning.estimate import estimate, words
from grpo_space.planning.hardware import T4_DOLLARS_PER_HOUR, Gpu
from grpo_space.publishing import space_bill, space_runtime
from grpo_space.publishing.space_runtime import Runtime
from grpo_space.ui.markup import link, note, tag, text

LONG_SECONDS = 1800


@dataclass(frozen=True)
class Space:
    """The Space that the app runs in."""

    id: str
    zero_gpu: bool = False

    @property
    def settings(self) -> str:
        """The address of its settings."""
        return space_bill.settings(self.id)


def space_here(environment: Mapping[str, str]) -> Space | None:
    """The Space that the environment names; None elsewhere."""
    if environment.get("SYSTEM") != "spaces":
        return None
    zero = environment.get("SPACES_ZERO_GPU", "").lower() in ("1", "true", "t")
    return Space(environment.get("SPACE_ID", ""), zero)


class SleepTime:
    """The Space's sleep time, asked of the Hub once, in the background: the page waits for nobody."""

    def __init__(self, space: Space | None) -> None:
        self.words = "not known"
        if space is not None and space.id:
            threading.Thread(target=self._ask, args=(space.id,), daemon=True).start()

    def _ask(self, space_id: str) -> None:
        with contextlib.suppress(UserError):  # private, offline, or the Hub is down: then it is not known
            self.learn(space_runtime.read(space_id, None))

    def learn(self, runtime: Runtime) -> None:
        """Takes in what the Hub says now."""
        seconds = runtime.sleep_seconds or 0
        self.words = duration(seconds) if seconds > 0 else "never, or the free hardware's 48 hours"


def another(space: Space) -> str:
    """A link to a machine with a GPU, as HTML: for the owner the switch of this Space, for others one of their own."""
    own = '<a class="gs-owners" href="#fold-place">Switch this Space to a T4</a>'
    return own + tag("span", duplicate(space), "gs-others")


def duplicate(space: Space) -> str:
    """A link that asks the Hub for a Space like this one, whose hardware is chosen there, as HTML."""
    return link(f"https://huggingface.co/spaces/{space.id}?duplicate=true", "Duplicate onto a T4")


def zero_gpu(space: Space) -> str:
    """That ZeroGPU cannot train, as HTML, and what to choose."""
    return note(
        "bad",
        tag("b", "ZeroGPU cannot train."),
        "It lends a GPU for a minute or two at a time, and a training needs one for longer. Choose a T4 small, or the "
        f"free CPU for the preset tiny, in {link(space.settings, 'this Space’s settings')}.",
    )


def refusal(space: Space | None, config: RunConfig, gpu: Gpu | None) -> str:
    """The reason why a config cannot be trained here, as HTML; empty where it can."""
    if space is not None and space.zero_gpu:
        return zero_gpu(space)
    if config.model.load_in_4bit and gpu is None:
        where = "Run it on a machine with one or in a Space with a T4"
        if space is not None:
            settings = link(space.settings, "this Space’s settings")
            price = f"about ${T4_DOLLARS_PER_HOUR:.2f} an hour"
            where = f"{another(space)}, or choose a T4 small in {settings} ({price})"
        lines = [f"{where}, or on a Job (in Train, under Where), or train the preset tiny: it works here."]
        if space is not None:
            lines.append(
                "Choosing hardware restarts the Space, and what is on its disk is lost. Under Place its owner has a "
                "switch that saves every run first; else publish, download or back up whatever you want to keep."
            )
        return note("warning", tag("b", "This preset needs a CUDA GPU."), *lines)
    if gpu is not None:
        try:
            memory.check(config, memory.limit_of(gpu))
        except UserError as error:
            return note("bad", tag("b", "It does not fit on this GPU."), *map(text, error.problems))
    return ""


def before(space: Space | None, config: RunConfig, gpu: Gpu | None, sleep: SleepTime) -> str:
    """How long a run takes, as HTML; and, of a long one on a Space, what may end it."""
    found = estimate(config, gpu)
    time = text(words(config, gpu))
    if space is None or (found is not None and found.seconds < LONG_SECONDS):
        return tag("p", time, "gs-dim")
    return note(
        "warning",
        tag("b", f"A long run. {time}" if found else time),
        f"A Space's disk is lost when it restarts or sleeps. It sleeps after: {text(sleep.words)}; only visits count, "
        "not the GPU's work. Changing hardware, secrets or variables restarts it: not while a run is active or "
        "unsaved.",
    )


def after(space: Space | None) -> str:
    """What to do once a run has ended on a Space, as HTML."""
    if space is None:
        return ""
    return note(
        "info",
        tag("b", "This disk does not outlast a restart: publish or download the adapter first."),
        f"Then pause the Space, so that it costs nothing: {link(space.settings, 'settings')}.",
    )
