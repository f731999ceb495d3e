"""What happens on paid hardware when a run has ended: it is saved, looked at on the Hub, and then the bill ends. Never
in another order, and never without the first two.

A run that came to its end, ran out of budget, failed or died ends the bill. One that a person stopped does not: the
person is there, and is offered it. Whatever has the machine meanwhile, Ask both too, is waited for; then all is saved
anew. A pause takes this disk with it: so every run here is saved, not the one alone that was chosen for.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from grpo_space import hub
from grpo_space.errors import UserError
from grpo_space.publishing import publish, space_bill
from grpo_space.publishing.space_bill import End
from grpo_space.runs import evaluations
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run, runs_folder
from grpo_space.ui.train.saved_runs import NO_TOKEN, machine, on_disk, save, to_save
from grpo_space.ui.train.when_done_plan import Plan, ReplacedError, Then, Tokens, forget, remember, remembered

State = Literal[
    "idle", "training", "waiting", "saving", "countdown", "ending", "over",  # in this order, where all goes well
    "unsaved", "refused", "saved", "stopped", "kept", "lost",
]  # fmt: skip
CAN_BE_KEPT_AWAKE = ("training", "waiting", "saving", "countdown", "unsaved", "refused")
CAN_BE_DONE_NOW = ("unsaved", "refused", "saved", "stopped", "kept", "lost")
LOOK_SECONDS = 1.0
SAVE_SECONDS = 600.0
"""Between two backups while a run trains."""
AWAKE_SECONDS = 60.0
"""In which a person may still keep the Space awake."""
AGAIN_SECONDS = (30.0, 120.0, 600.0)
"""Before each new try, where saving or pausing failed: the client's own tries last 15 s, and a night is long."""


@dataclass
class WhenDone:
    """What was chosen on this Space and how far it is. One plan at a time, the latest."""

    space_id: str
    secret: str | None = field(default=None, repr=False)
    plan: Plan | None = None
    state: State = "idle"
    names: dict[str, str] = field(default_factory=dict)
    """The private repository of each run that was saved."""
    published: str = ""
    """The repository of the run's adapter, once it is there."""
    unpublished: tuple[str, ...] = ()
    """Why it is not, where it should be. That keeps nobody awake: the adapter is in the saved run."""
    message: str = ""
    """What ended the bill."""
    problems: tuple[str, ...] = ()
    """Why the last try failed."""
    again_at: float = 0.0
    """When what failed is tried again, in seconds since 1970; 0: not by itself."""
    until: float = 0.0
    """When the Space is paused, by time.monotonic()."""
    secret_may: bool | None = None
    """Whether the secret may change the Space, by what the Hub says of it; None: not known."""
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    """Held while fields change together, and by whoever reads several of them."""
    _saving: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def ask(self) -> None:
        """Asks the Hub in the background what the secret may do."""
        if self.secret:
            threading.Thread(target=self._ask, args=(self.secret,), daemon=True).start()

    def _ask(self, secret: str) -> None:
        with contextlib.suppress(*hub.SPOKEN):  # then it is not known
            self.secret_may = space_bill.may_manage(hub.retried(hub.api(secret).whoami), self.space_id)

    def check(self, then: str, tokens: Tokens) -> None:
        """
        Raises:
            UserError: where it is none of the choices, or no token here may carry it out.
        """
        if then not in ("nothing", *get_args(End)):
            raise UserError(f"When done: {then[:40]!r} is none of the choices")
        if then != "nothing" and not tokens.to_manage():
            raise UserError(
                "When done: no token here may pause this Space, so it would be billed on. Set the secret HF_TOKEN "
                f"before you train ({space_bill.settings(self.space_id)}), or choose to leave it on."
            )

    def choose(
        self, run: Run, then: Then, saves: bool, tokens: Tokens, publishes: bool = False, when_stopped: bool = False
    ) -> None:
        """Carries this out for a run, in the place of what was chosen before.

        Raises:
            UserError: as `check` does.
        """
        self.check(then, tokens)
        with self.lock:
            if self.plan is not None:
                self.plan.replaced.set()
            self.plan = plan = Plan(run, then, saves, tokens, publishes, when_stopped)
            self.message, self.published, self.unpublished, self.problems, self.again_at = "", "", (), (), 0.0
            self.state = "training" if saves or publishes or then != "nothing" else "idle"
            remember(plan)
            if self.state == "training":
                threading.Thread(target=self._carry_out, args=(plan,), daemon=True).start()

    def keep_awake(self) -> None:
        """Nothing is paused any more. A run that is saved while it trains is saved on.

        Raises:
            UserError: where it is too late, or nothing was to be paused.
        """
        with self.lock:
            plan = self.plan
            if plan is None or plan.then == "nothing" or self.state not in CAN_BE_KEPT_AWAKE:
                raise UserError("Nothing is about to be paused.")
            running = plan.run.status() == "running"
            self.choose(plan.run, "nothing", plan.saves and running, plan.tokens, plan.publishes and running)
            if self.state == "idle":
                self.state = "kept"

    def do_now(self, tokens: Tokens) -> None:
        """Saves and pauses as soon as the machine is free: after a failure, a stop, or a restart of the app.

        Raises:
            UserError: where nothing is left to do, or as `check` does.
        """
        with self.lock:
            if (plan := self.plan) is None or self.state not in CAN_BE_DONE_NOW:
                raise UserError("There is nothing to pause for now.")
            then: Then = "pause" if plan.then == "nothing" else plan.then
            self.choose(plan.run, then, plan.saves, tokens, plan.publishes, when_stopped=True)

    def take_up(self) -> None:
        """What was chosen before the app was started again: by the secret, where there is one. A sign-in is gone."""
        plan = remembered(Tokens(self.secret))
        if plan is None:
            return
        if plan.tokens.to_save():
            self.choose(plan.run, plan.then, plan.saves, plan.tokens, plan.publishes)
        else:
            self.plan, self.state = plan, "lost"

    def save_before_the_end(self) -> None:
        """Saves the run once more where this container is about to go. Raises nothing."""
        plan = self.plan
        if plan is not None and self.state in ("training", "waiting", "saving"):
            try:
                self._save(plan, plan.run)
            except UserError as error:
                self._failed(plan, error.problems)

    # --- in a thread of its own, for each plan ---

    def _carry_out(self, plan: Plan) -> None:
        try:
            for seconds in AGAIN_SECONDS:
                if self._tried(plan, seconds):
                    return
                plan.wait(seconds)
            self._tried(plan, None)
        except ReplacedError:
            return

    def _tried(self, plan: Plan, again: float | None) -> bool:
        """Does all of it, from the beginning each time: what came onto the disk since the last try is saved too.
        Gives whether it is done. `again`: seconds until the next try.
        """
        try:
            while not self._save_and_end(plan):
                pass
        except ReplacedError:
            raise
        except Exception as error:  # a full disk, or a bug: it is said, and nothing is paused
            problems = error.problems if isinstance(error, UserError) else (f"{type(error).__name__}: {error}",)
            with self.lock:
                self._at(plan, "refused" if self.state == "ending" else "unsaved")
                self._failed(plan, problems, again)
            return False
        return True

    def _save_and_end(self, plan: Plan) -> bool:
        """From training to the end of the bill; False where something came onto the disk that is not saved."""
        self._wait_until_free(plan)
        self._at(plan, "saving")
        saved = on_disk()
        self._save_all(plan)
        if plan.publishes and not self.published:
            self._publish(plan)
        if plan.then == "nothing":
            self._at(plan, "saved")
        elif plan.run.status() == "stopped" and not plan.when_stopped:
            self._at(plan, "stopped")
        elif not self._still_free(plan) or not self._end(plan, saved):
            return False
        forget()
        return True

    def _wait_until_free(self, plan: Plan) -> None:
        saved = time.monotonic()
        while machine():
            running = plan.run.worker() is not None
            self._at(plan, "training" if running else "waiting")
            if running and plan.saves and time.monotonic() - saved >= SAVE_SECONDS:
                saved = time.monotonic()
                self._save_meanwhile(plan)
            plan.wait(LOOK_SECONDS)

    def _save_meanwhile(self, plan: Plan) -> None:
        if evaluations.possible(plan.run):  # its first checkpoint may be yet to come
            try:
                self._save(plan, plan.run)
                self.problems = ()
            except UserError as error:  # it never hurts the run, and the next time may be better
                self._failed(plan, error.problems, SAVE_SECONDS)

    def _save_all(self, plan: Plan) -> None:
        for run in sorted(to_save(), key=lambda run: run.id != plan.run.id):  # its own first
            if run.id == plan.run.id or plan.then != "nothing":
                self._save(plan, run)

    def _save(self, plan: Plan, run: Run) -> None:
        with self._saving:
            self.names[run.id] = save(run, plan.tokens)

    def _publish(self, plan: Plan) -> None:
        """Puts the adapter on the Hub with its evidence, privately; or notes why not."""
        problems: tuple[str, ...] = (NO_TOKEN,)
        for token in plan.tokens.to_save():
            try:
                user = hub.retried(hub.api(token).whoami)["name"]
                name = publish.proposed_name(user, plan.run.config)
                self.published, self.unpublished = publish.publish(plan.run, name, token, private=True).name, ()
            except (UserError, *hub.SPOKEN) as error:
                problems = error.problems if isinstance(error, UserError) else (f"The Hub did not answer: {error}",)
            else:
                return
        self.unpublished = self._told(plan, problems)

    def _still_free(self, plan: Plan) -> bool:
        """Counts down; False where somebody took the machine meanwhile."""
        self.until = time.monotonic() + AWAKE_SECONDS
        self._at(plan, "countdown")
        while (left := self.until - time.monotonic()) > 0:
            plan.wait(min(left, LOOK_SECONDS))
            if machine():
                return False
        return True

    def _end(self, plan: Plan, saved: object) -> bool:
        """Ends the bill, and holds the machine for that: nothing begins under its hands. False where somebody else
        has it, or the disk holds more than was `saved`.
        """
        with locked(runs_folder() / "gpu.lock", "pausing this Space after", plan.run.id) as mine:
            if not mine or on_disk() != saved:
                return False
            self._at(plan, "ending")  # whoever keeps it awake came before this, or comes too late
            self.message = self._end_with_any(plan)
        print(f"when {plan.run.id} is done: {self.message}", file=sys.stderr, flush=True)
        self._at(plan, "over")
        return True

    def _end_with_any(self, plan: Plan) -> str:
        problems: tuple[str, ...] = ("No token that may pause this Space is left: the sign-in has ended.",)
        assert plan.then != "nothing"
        for token in plan.tokens.to_manage():
            try:
                return space_bill.end_bill(self.space_id, token, plan.then)
            except UserError as error:
                problems = error.problems
        raise UserError(*problems)

    def _at(self, plan: Plan, state: State) -> None:
        with self.lock:
            if plan.replaced.is_set():
                raise ReplacedError
            if state != self.state:
                self.state, self.problems, self.again_at = state, (), 0.0

    def _failed(self, plan: Plan, lines: Sequence[str], again: float | None = None) -> None:
        """Says why. `again`: seconds until the next try."""
        self.problems = self._told(plan, lines)
        self.again_at = time.time() + again if again is not None else 0.0

    def _told(self, plan: Plan, lines: Sequence[str]) -> tuple[str, ...]:
        """The lines as the page may show them, without any token; the log has them, too."""
        tokens = plan.tokens
        told = tuple(hub.without_token(hub.without_token(line, tokens.secret), tokens.signed_in) for line in lines)
        print(f"when {plan.run.id} is done: {'; '.join(told)}", file=sys.stderr, flush=True)
        return told
