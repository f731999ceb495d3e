"""The page: a header, and four tabs in the order of the work. Importing this builds nothing."""

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from grpo_space import hardware, runs
from grpo_space.errors import UserError
from grpo_space.hardware import Gpu
from grpo_space.ui import compare, look, past, preset, publish, space, submit, train
from grpo_space.ui.access import Access, Guard, access_here
from grpo_space.ui.follow import Followers, Page, going_on
from grpo_space.ui.markup import tag, text

WHAT = "Turn a small language model into a reasoning model with GRPO, and see whether it worked."
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


def machine_words(gpu: Gpu | None) -> str:
    if gpu is not None:
        return f"{gpu.name}, {gpu.gib:.0f} GiB"
    return f"{os.cpu_count()} CPU cores, no GPU: the preset tiny trains here"


def build(access: Access, gpu: Gpu | None, here: space.Space | None = None) -> gr.Blocks:
    followers, sleep = Followers(), space.SleepTime(here)

    def head(page: Page | None) -> str:
        chips = [tag("span", text(machine_words(gpu)), "gs-chip")]
        if page is not None and page.status == "running":
            history = page.history
            at = f", step {history.step:,} of {history.max_steps:,}" if history.max_steps else ""
            chips.append(tag("span", f"a run is going on: {text(page.run.id)}{at}", "gs-chip gs-is-running"))
        elif followers.busy:
            chips.append(tag("span", "another run is going on", "gs-chip gs-is-running"))
        else:
            chips.append(tag("span", "no run is going on", "gs-chip"))
        return tag("h1", "GRPO Space") + tag("p", WHAT) + tag("div", "".join(chips), "gs-chips")

    with gr.Blocks(title="GRPO Space", analytics_enabled=False) as page:
        header = gr.HTML(head(None), elem_id="gs-head", elem_classes="gs-head")
        if here is not None:
            with gr.Row():
                if os.environ.get("OAUTH_CLIENT_ID"):
                    gr.LoginButton()
                gr.DuplicateButton("Duplicate this Space")
        with gr.Tabs(elem_id="gs-tabs"):
            with gr.Tab("Preset", id="preset"):
                chosen = preset.build(gpu, access.allowed)
                next_tab = gr.Button("Next: train it", variant="primary", elem_id="gs-next")
            with gr.Tab("Train", id="train"):
                plan = gr.HTML(elem_id="gs-plan")
                training = train.build(chosen.config, followers, access, header, head)
                past.build(training.view, followers)
            with gr.Tab("Compare", id="compare"):
                comparing = compare.build(training.view, followers)
            with gr.Tab("Publish", id="publish"):
                publish.build(training.view, followers, access)

        def planned(sent: str) -> str:
            try:
                config = submit.config_of(sent)
            except UserError as error:
                return tag("p", text(error), "gs-dim")
            grpo = config.grpo
            words = (
                f"Next: {config.name}, {grpo.max_steps:,} steps, {grpo.completions_per_step} completions a step in groups of "
                f"{grpo.num_generations}, then {config.evaluation.problems:,} held-out problems."
            )
            refused = space.refusal(here, config, gpu)
            return tag("p", text(words), "gs-dim") + (refused or space.before(here, config, sleep))

        page.load(training.watch, training.view, training.outputs, concurrency_limit=None, **QUIET)
        gr.on([page.load, chosen.config.change], planned, chosen.config, plan, concurrency_limit=4, **QUIET)
        training.evaluated.change(
            comparing.filled_by, comparing.inputs, comparing.outputs, concurrency_limit=8, **QUIET
        )
        next_tab.click(None, js=show_tab("train"))
        training.compare.click(None, js=show_tab("compare"))
        training.used.change(lambda sent: sent, training.used, chosen.requested, **QUIET).then(
            None, js=show_tab("preset")
        )
    return page


def show_tab(name: str) -> str:
    """JavaScript that opens a tab as a person does: `gr.Tabs(selected=...)` hangs the browser at the next click on a tab
    (Gradio 6.17.3).
    """
    return f"() => {{ document.querySelector('#gs-tabs [data-tab-id={name}]')?.click(); }}"


def serve(environment: Mapping[str, str] = os.environ) -> None:
    """Serves the app until SIGTERM, which saves the run, or Ctrl-C, which lets it go on.

    Raises:
        UserError: where the page could be reached from elsewhere without a password.
    """
    gpu = hardware.gpu()
    access, here = access_here(environment, gpu is not None), space.space_here(environment)
    check_exposure(environment, access)
    page = build(access, gpu, here)
    page.queue(default_concurrency_limit=4)
    _, url, _ = page.launch(
        theme=look.theme(),
        css_paths=[look.CSS, preset.CSS],
        prevent_thread_lock=True,
        quiet=True,
        ssr_mode=False,
        show_error=False,
        max_file_size="20mb",
        auth=("owner", access.password) if access.password and not access.on_space else None,
        auth_message="Sign in as <b>owner</b> with the password that this app was started with.",
        app_kwargs={"middleware": [Middleware(Guard, access=access)]},
        footer_links=["api", "gradio"],
    )
    print(f"GRPO Space is at {url}", flush=True)
    wait()
    page.close(verbose=False)


def check_exposure(environment: Mapping[str, str], access: Access) -> None:
    """
    Raises:
        UserError: where the app would listen to others with nothing that asks who they are.
    """
    if access.on_space or access.password:
        return
    name = environment.get("GRADIO_SERVER_NAME", "127.0.0.1")
    shared = environment.get("GRADIO_SHARE", "").lower() == "true"
    if shared or name not in ("127.0.0.1", "localhost", "::1"):
        where = "GRADIO_SHARE" if shared else f"GRADIO_SERVER_NAME={name}"
        raise UserError(
            f"{where}: whoever reaches this page could train here. Set GRPO_SPACE_PASSWORD; then sign in as owner with it."
        )


def wait() -> None:
    """Until Ctrl-C or SIGTERM. A run outlives Ctrl-C; after SIGTERM the machine may be gone: the run is saved first."""
    asked = threading.Event()

    def terminate(_signum: int, _frame: FrameType | None) -> None:
        asked.set()

    signal.signal(signal.SIGTERM, terminate)
    try:
        asked.wait()
    except KeyboardInterrupt:
        if (run := going_on()) is not None:
            print(f"\n{run.id} goes on without this page. To stop it: python -m grpo_space stop {run.id}")
        return
    save_run()


def save_run() -> None:
    """Stops the run that goes on, and waits until it is saved."""
    run = going_on()
    if run is None:
        return
    print(f"Saving {run.id}", file=sys.stderr, flush=True)
    try:
        runs.stop(run)
    except UserError:  # it ended in this moment
        return
    while run.status() == "running":
        time.sleep(0.2)
