"""Backing a run up beyond this disk from the page, and bringing one back. For the owner alone."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from grpo_space import hub
from grpo_space.errors import UserError
from grpo_space.formatting import counted
from grpo_space.hub_upload import Sent
from grpo_space.publishing import backup
from grpo_space.runs import archive
from grpo_space.runs.run import Run
from grpo_space.ui import uploads
from grpo_space.ui.access import signed_in_token, token_if_any
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import as_note
from grpo_space.ui.gradio_workarounds import OFF, shown_if
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.live.follower import Followers
from grpo_space.ui.live.page_stream import View, page_of
from grpo_space.ui.markup import link, note, tag, text
from grpo_space.ui.parts import Parts
from grpo_space.ui.press import forget_with
from grpo_space.ui.transfer import bar, following, incoming, stage


def build(view: gr.State, parts: Parts, followers: Followers, place: Place) -> gr.Button:
    """Draws the part of the tab that backs up and restores, and wires it. Gives the button that leads to a restored
    run.
    """
    repository = "a private dataset repository of yours on the Hugging Face Hub"
    where = "the folder that GRPO_SPACE_BACKUP names" if backup.place() else repository  # everybody sees this: no name
    gr.HTML(
        "<h2>Keep the run beyond this disk</h2><p class='gs-dim'>A backup holds the config, the events, the adapter "
        "and the last checkpoint: all that is needed to resume it from there, on this machine or another. "
        f"It goes into {where}.</p>"
    )
    keep = gr.Button("Back up this run", elem_id="gs-keep")
    kept = gr.HTML(elem_id="gs-kept")
    info = "The repository of a backup" + (", or a run\u2019s name in the folder of backups" if backup.place() else "")
    source = gr.Textbox(label="Restore from", info=info, placeholder="user/grpo-run-...", elem_id="gs-source")
    bring = gr.Button("Restore", elem_id="gs-restore")
    brought = gr.HTML(elem_id="gs-restored")
    to_train = gr.Button("Show it on the Train tab", variant="primary", elem_classes=OFF, elem_id="gs-to-train")

    def back_up(view: View, request: gr.Request) -> Iterator[str]:
        try:
            run = page_of(view, followers).run
            view.about["gs-kept"] = run.id
            place.access.allowed(request)
            ask = signed_in_token if backup.place() is None else token_if_any
            token = ask(place.access, request)
            name = yield from following(lambda progress: backup.backup(run, token, progress), _sending)
            yield backed_up(name)
        except UserError as error:
            yield as_note(error)

    def restore(view: View, source: str, request: gr.Request) -> Iterator[tuple[str, Any]]:
        try:
            place.access.allowed(request)
            source = named(source)
            token = token_if_any(place.access, request)
            accept = uploads.refuse_strange_paths
            run = yield from following(
                lambda progress: backup.restore(source, token, progress, accept),
                lambda sent, seconds: (incoming(sent, seconds), shown_if(False)),
            )
            view.show(run.id)
            yield restored(run), shown_if(True)
        except UserError as error:
            yield as_note(error), shown_if(False)

    keep.click(back_up, view, kept, concurrency_limit=2, **QUIET)
    forget_with(parts, view, {kept: ""})
    bring.click(restore, [view, source], [brought, to_train], concurrency_limit=2, **QUIET)
    return to_train


def named(source: str) -> str:
    """A backup as a browser may name it: a repository, or a run in the folder of backups; never a path.

    Raises:
        UserError: where it is none of these.
    """
    source = source.strip().removeprefix(f"{hub.SITE}/datasets/").rstrip("/")
    if not backup.REPOSITORY.fullmatch(source) and not (backup.place() and archive.RUN_ID.fullmatch(source)):
        raise UserError(
            f"Restore from: {source[:80]!r} is not written user/name, as a backup’s repository is{backup.latest()}"
        )
    return source


def _sending(sent: Sent | None, seconds: float) -> str:
    if sent is None:
        return stage("Copying the run as it is now.", seconds)
    if sent.done >= sent.total:
        return stage("All files are up: they are made one commit.", seconds)
    return bar("Uploading", sent, seconds)


def backed_up(name: str) -> str:
    """That a run was backed up, and how to bring it back. `name`: what `restore` takes."""
    if backup.place() is not None:
        where = f"It is in <code>{text(name)}</code>."
        return note("good", tag("b", "Backed up."), where, "To bring it back, restore it by the run\u2019s name.")
    return note(
        "good",
        tag("b", "Backed up."),
        f"It is in {link(hub.page(name, 'dataset'), name)}, private.",
        f"To bring it back, here or on another machine, restore <code>{text(name)}</code>.",
    )


def restored(run: Run) -> str:
    """That a run is here again, and how far it had come."""
    history, most = run.history(), run.config.grpo.max_steps
    how_far = f"It has {history.step:,} of {counted(most, 'step')}."
    if run.standalone is not None:
        how_far = "It is an evaluation: Compare shows what it found; where it was cut off, Resume takes it up."
    elif run.status(history) == "died":
        how_far = f"It was cut off at step {history.step:,} of {most:,}: Resume takes it up from there."
    return note("good", tag("b", f"{text(run.id)} is here again."), how_far)
