"""A Job of the signed-in owner whose run is not here, or that nobody follows: one press takes it up."""

from typing import Any

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.jobs.attach import attach
from grpo_space.jobs.unfollowed import Unfollowed, unfollowed
from grpo_space.ui import uploads
from grpo_space.ui.access import signed_in_token
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import in_words
from grpo_space.ui.gradio_workarounds import OFF, shown_if
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.live.follower import Followers
from grpo_space.ui.live.page_stream import View
from grpo_space.ui.markup import note, tag, text
from grpo_space.ui.owners import Owners, check_sign_in
from grpo_space.ui.press import press
from grpo_space.ui.train.job_choice import JOB, JobChoice


def build(opened: Any, view: gr.State, choice: JobChoice, followers: Followers, place: Place) -> None:
    """Draws what was found and the button, and wires them. The Hub is asked when a Space's page is opened by its owner,
    elsewhere when somebody chooses a Job, or names who pays.
    """
    found = gr.HTML(elem_id="gs-job-found")
    follow = gr.Button("Follow it here", elem_classes=OFF, elem_id="gs-job-follow")
    owners = Owners()

    def first(namespace: str, request: gr.Request) -> tuple[Unfollowed | None, str, int]:
        """The newest that is not here, the token that may follow it, and how many there are."""
        place.access.allowed(request)
        check_sign_in(place.access, request)
        token = signed_in_token(place.access, request)
        those = unfollowed(str(namespace or "").strip() or owners.of(token).name, token)
        return (those[0] if those else None), token, len(those)

    def look(where: str, namespace: str, request: gr.Request) -> tuple[str, Any]:
        try:
            if where != JOB and place.space is None:
                return "", shown_if(False)
            one, _, count = first(namespace, request)
        except UserError:  # what is wrong with a token is said where it is needed
            return "", shown_if(False)
        return (words(one, count), shown_if(True)) if one else ("", shown_if(False))

    @in_words
    def take_up(namespace: str, view: View, request: gr.Request) -> tuple[str, Any]:
        one, token, _ = first(namespace, request)
        if one is None:
            raise UserError("Every run of yours on a Job is here already.")
        view.show(attach(one.repository, token, uploads.refuse_strange_paths).id)
        followers.forget_current()
        return look(JOB, namespace, request)

    looks = [opened, choice.where.input, choice.namespace.blur]
    two: dict[str, Any] = {**QUIET, "concurrency_limit": 2}
    gr.on(looks, look, [choice.where, choice.namespace], [found, follow], trigger_mode="always_last", **two)
    press(follow, "Following", take_up, [choice.namespace, view], [found, follow], **two)


def words(one: Unfollowed, count: int) -> str:
    """Which run it is, as HTML."""
    more = f" {count - 1} more after it." if count > 1 else ""
    on = f"{one.job.status.stage} on {one.job.flavor}" if one.job.flavor else one.job.status.stage
    first = tag("b", "A run of yours is on a Job, and nobody follows it here.")
    return note("info", first, f"{text(one.repository)}: {text(on)}.{more}")
