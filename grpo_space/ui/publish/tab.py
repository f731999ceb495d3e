"""The Publish tab: onto the Hub, or the adapter, the config and the run's script as files."""

import os
import zipfile
from pathlib import Path
from typing import Any

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.publishing import script
from grpo_space.runs.run import Run
from grpo_space.ui import downloads
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import in_words
from grpo_space.ui.live.follower import Followers
from grpo_space.ui.live.page_stream import View, page_of
from grpo_space.ui.parts import Parts
from grpo_space.ui.press import forget_with
from grpo_space.ui.publish import backup, hub
from grpo_space.ui.space import after
from grpo_space.whole_file import whole


def build(view: gr.State, parts: Parts, tab: gr.Tab, followers: Followers, place: Place) -> gr.Button:
    """Draws the tab and wires it. Gives the button that leads to a restored run."""
    access = place.access
    hub.build(view, parts, tab, followers, place)
    gr.HTML(
        "<h2>Take it with you</h2><p class='gs-dim'>What was learnt is the <b>adapter</b>: a small file beside the "
        "base model, which PEFT loads onto it. The config is all that is needed to train it again. The script makes "
        "the same run with TRL, without GRPO Space.</p>"
    )
    gr.HTML(after(place.space))
    with gr.Row():
        adapter = gr.Button("Adapter as a zip", elem_id="gs-zip")
        config = gr.Button("Config as YAML", elem_id="gs-yaml")
        plain = gr.Button("The run as a script", elem_id="gs-script")
    file = downloads.component("gs-file")

    def run_to_take(view: View, request: gr.Request) -> Run:
        access.may_start(request)
        run = page_of(view, followers).run
        view.about["gs-file"] = run.id
        access.may_take(request, lambda: run.config)
        return run

    @in_words
    def zipped(view: View, request: gr.Request) -> Any:
        return downloads.ready(adapter_zip(run_to_take(view, request)))

    @in_words
    def written(view: View, request: gr.Request) -> Any:
        run = run_to_take(view, request)
        copy = downloads.folder(run) / f"{run.id}.yaml"
        copy.write_bytes((run.folder / "config.yaml").read_bytes())
        return downloads.ready(copy)

    @in_words
    def as_script(view: View, request: gr.Request) -> Any:
        run = run_to_take(view, request)
        made = downloads.folder(run) / f"{run.id}.py"
        made.write_text(script.of_run(run), encoding="utf-8")
        return downloads.ready(made)

    adapter.click(zipped, view, file, api_visibility="private", concurrency_limit=2)
    config.click(written, view, file, api_visibility="private", concurrency_limit=2)
    plain.click(as_script, view, file, api_visibility="private", concurrency_limit=2)
    forget_with(parts, view, {file: downloads.NONE})
    return backup.build(view, parts, followers, place)


def adapter_zip(run: Run) -> Path:
    """The adapter with the run's config, as one file; made once for each adapter.

    Raises:
        UserError: where the run has no adapter yet.
    """
    weights = run.adapter / "adapter_model.safetensors"
    if not weights.is_file():
        raise UserError(f"{run.id} has no adapter yet: it is saved when the training ends or is stopped.")
    made, since = downloads.folder(run) / f"{run.id}.zip", weights.stat().st_ctime_ns
    if made.is_file() and made.stat().st_mtime_ns == since:
        return made
    downloads.make_room(made, sum(file.stat().st_size for file in run.adapter.rglob("*") if file.is_file()))
    with whole(made) as half, zipfile.ZipFile(half, "w", strict_timestamps=False) as archive:  # weights do not compress
        for file in sorted(run.adapter.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(run.adapter.parent))
        archive.write(run.folder / "config.yaml", "config.yaml")
    os.utime(made, ns=(since, since))  # of which weights it is: a run from a backup brings older ones
    return made
