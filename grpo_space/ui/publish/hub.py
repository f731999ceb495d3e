"""Publishing from the page: signed in, one button, progress by file, and the link when it was looked at from there."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.formatting import counted
from grpo_space.hub_upload import Sent
from grpo_space.publishing.publish import OccupiedError, Published, proposed_name, publish
from grpo_space.results.comparison import of
from grpo_space.results.sentences import headline
from grpo_space.runs.run import Run
from grpo_space.ui.access import token_if_any
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import as_note
from grpo_space.ui.gradio_workarounds import OFF, shown_if
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.live.follower import Followers, Page
from grpo_space.ui.live.page_stream import View, page_of
from grpo_space.ui.markup import link, note, tag, text
from grpo_space.ui.owners import Owners, may_type, token_of
from grpo_space.ui.parts import Parts
from grpo_space.ui.press import forget_with
from grpo_space.ui.publish import before
from grpo_space.ui.transfer import bar, following, stage


def build(view: gr.State, parts: Parts, tab: gr.Tab, followers: Followers, place: Place) -> None:
    """Draws the part of the tab that publishes, and wires it."""
    gr.HTML(
        "<h2>Publish on the Hugging Face Hub</h2><p class='gs-dim'>The adapter goes up with its evidence: what was "
        "measured, the reward curve, every setting, how to run it again. It is loaded from there once more before this "
        "page says that it is published.</p>"
    )
    what = gr.HTML()
    info = "Empty: a name is proposed"
    name = gr.Textbox(label="Repository", info=info, placeholder="user/name", elem_id="gs-repo")
    with gr.Row():
        private = gr.Checkbox(label="Private", info="For your eyes only")
        merged = gr.Checkbox(
            label="Merged 16-bit weights too",
            info="The whole model, for what cannot load adapters: large, and merged on this machine first",
        )
        replace = gr.Checkbox(label="Replace what it holds", elem_classes=OFF, elem_id="gs-replace")
    ready = gr.HTML(elem_id="gs-before-publishing")
    typed = gr.Textbox(
        label="A token, used once", info="With the right to write. It is cleared as soon as you press Publish.",
        type="password", max_length=200, elem_classes=OFF, elem_id="gs-token",
    )  # fmt: skip
    go = gr.Button("Publish", variant="primary", elem_id="gs-publish")
    with gr.Accordion("The card as it will look", open=False, elem_id="gs-card-fold"):
        as_card = gr.Code(
            language="markdown", interactive=False, show_label=False, label="Card", max_lines=30, elem_id="gs-card"
        )
    owners = Owners()
    outcome = gr.HTML(elem_id="gs-published")

    def start(
        view: View, name: str, private: bool, merged: bool, replace: bool, sent: str, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        name = name.strip()
        try:
            yield gr.skip(), gr.skip(), ""  # the token is gone from the page before it is used
            run = page_of(view, followers).run
            view.about["gs-published"] = run.id
            token = token_of(place.access, request, sent)
            place.access.may_take(request, lambda: run.config)
            name = name or proposed_name(owners.of(token).name, run.config)
            options = {"private": private, "merged": merged, "replace": replace}
            made = yield from following(
                lambda progress: publish(run, name, token, progress=progress, **options),
                lambda done, seconds: (sending(done, seconds, merged), gr.skip(), gr.skip()),
            )
            yield published(made), gr.skip(), gr.skip()
        except OccupiedError as error:
            warning = note("warning", text(error), "Tick the box to replace it, or take another name.")
            yield warning, shown_if(True), gr.skip()
        except UserError as error:
            yield as_note(error), gr.skip(), gr.skip()

    def shown(view: View) -> tuple[str, Any]:
        page = followers.look(view.subject)
        return about(page), gr.update(interactive=page is not None and has_adapter(page.run))

    def look_ahead(view: View, name: str, request: gr.Request) -> tuple[Any, ...]:
        page = followers.look(view.subject)
        if page is None or not has_adapter(page.run):
            return "", shown_if(False), ""
        if (token := token_if_any(place.access, request)) is None:
            field = may_type(request, place.access)
            there = proposed_name("user", page.run.config)
            return before.nobody(place.access, field), shown_if(field), before.card_of(page.run, there)
        try:
            place.access.may_start(request)
            there, said = before.words(page.run, str(name), owners.of(token))
        except UserError as error:
            return as_note(error), shown_if(False), ""
        return said, shown_if(False), before.card_of(page.run, there)

    ahead: Any = look_ahead, [view, name], [ready, typed, as_card]
    parts.ask(*ahead, tab.select)
    gr.on([name.blur, name.submit], *ahead, trigger_mode="always_last", concurrency_limit=2, **QUIET)
    chosen = [view, name, private, merged, replace, typed]
    go.click(start, chosen, [outcome, replace, typed], concurrency_limit=2, **QUIET)
    parts.add(shown, view, [what, go], tab.select)
    nothing = gr.update(value=False, elem_classes=OFF)
    forget_with(parts, view, {outcome: "", replace: nothing})


def about(page: Page | None) -> str:
    """What would be published of a run, and the first sentence of its card."""
    if page is None:
        return note("info", tag("b", "Nothing to publish yet."), "Train first.")
    if not has_adapter(page.run):
        when = "It is saved when the training ends, or is stopped."
        if page.standalone is not None:
            when = "It is an evaluation, which trains nothing: look at a training to publish it."
        return note("info", tag("b", f"{text(page.run.id)} has no adapter yet."), when)
    evaluated = page.evaluation.base is not None and page.evaluation.tuned is not None
    compared = of(page.evaluation, page.evaluations.looks) if evaluated else None
    said = headline(compared) if compared else "It was not evaluated, and its card says so."
    return note("info", tag("b", f"{text(page.run.id)}, {counted(page.history.step, 'step')}."), text(said))


def has_adapter(run: Run) -> bool:
    """Whether a run has saved an adapter."""
    return (run.adapter / "adapter_model.safetensors").is_file()


def sending(sent: Sent | None, seconds: float, merged: bool) -> str:
    """How far the upload is; `merged`: the whole model goes up too."""
    if sent is None:
        then = ", then merging the adapter into the base" if merged else ""
        return stage(f"Looking at the repository{then}.", seconds)
    if sent.doing == Sent.doing and sent.done >= sent.total:
        more = "The base model is loaded for that, and one problem answered. "
        return stage("All files are up. Now it is loaded from the Hub once more.", seconds, more)
    return bar(sent.doing, sent, seconds)


def published(made: Published) -> str:
    """That a run is on the Hub, where, and how to load it."""
    first = tag("b", "Published." if not made.note else "Uploaded.")
    where = f"{link(made.link, made.name)}, commit {text(made.commit[:10])}{', private' if made.private else ''}."
    how = [text(made.note)] if made.note else ["It came back unchanged, loaded onto its base, and answered."]
    return note("good" if not made.note else "warning", first, where, *how) + tag("pre", text(made.load))
