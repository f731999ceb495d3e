"""The page: a header, four tabs in the order of the work, and all runs. Importing this builds nothing."""

import os
import signal
import sys
import time
import warnings
from collections.abc import Mapping
from queue import SimpleQueue
from types import FrameType

import gradio as gr
from gradio import http_server
from starlette.middleware import Middleware

from grpo_space.errors import UserError
from grpo_space.runs import launch
from grpo_space.ui import address, api, attributes, glossary, theme
from grpo_space.ui.access import Access
from grpo_space.ui.compare import tab as compare
from grpo_space.ui.deployment import Place, here
from grpo_space.ui.gradio_workarounds import AGAIN, KEEPS_NOTHING, opened, pulse, show_tab
from grpo_space.ui.guard import routes
from grpo_space.ui.guard.blocks import GuardedBlocks
from grpo_space.ui.guard.middleware import Doors
from grpo_space.ui.guard.session import SESSIONS, lighten
from grpo_space.ui.guard.streams import SLOTS_FOR_BUTTONS, STREAMS
from grpo_space.ui.guard.uploads import Uploads
from grpo_space.ui.live.follower import Followers, active_run
from grpo_space.ui.markup import note
from grpo_space.ui.parts import Parts
from grpo_space.ui.preset import form
from grpo_space.ui.preset import tab as preset
from grpo_space.ui.publish import auto_backup
from grpo_space.ui.publish import tab as publish
from grpo_space.ui.publish.auto_backup import Automatic, automatic_here
from grpo_space.ui.runs import change, run_list, two_runs
from grpo_space.ui.space import Space, zero_gpu
from grpo_space.ui.train import doctor_panel, space_hardware, when_done_control
from grpo_space.ui.train import tab as train
from grpo_space.ui.train.when_done import WhenDone

CACHE = (600, 6 * 3600)
"""Seconds between two looks at the files that were uploaded or made ready to download, and after which they go."""
QUEUE_SECONDS = 0.02
"""Between two looks of Gradio's queue for something to do: a press waits half of it."""


def build(
    place: Place, backups: Automatic | None = None, done: WhenDone | None = None, secret: str | None = None
) -> gr.Blocks:  # fmt: skip
    """The whole page, not yet served. `secret`: the Space's own token, where it has one."""
    followers = Followers()
    with GuardedBlocks(title="GRPO Space", analytics_enabled=False, delete_cache=CACHE) as page:
        api.build(followers, place)  # first, so that the names are its own
        page_opened = opened(page)
        first = glossary.opening(place.machine)
        header = gr.HTML(first, elem_id="gs-head", elem_classes="gs-head", js_on_load=attributes.PROGRESS)
        attributes.announcements()
        beats, chosen_run = pulse(), address.component()
        parts = Parts(beats.told.change)
        if place.space is not None:
            _space_row(place.space)
        if backups is not None:
            auto_backup.build(page_opened, backups, place.access)
        if done is not None:
            when_done_control.build_face(page_opened, done, place.access)
        with gr.Tabs(elem_id="gs-tabs"):
            with gr.Tab("Preset", id="preset") as preset_tab:
                chosen = preset.build(page_opened, place)
                then = []
                if place.space is not None and place.space.id:
                    kept = when_done_control.kept()
                    if done is not None:
                        control = when_done_control.build(
                            page_opened, preset_tab, chosen.config, chosen.place, kept, done, place
                        )
                        then = control.chosen
                    space_hardware.build(page_opened, chosen.place, kept, place.space, place, secret)
                before = train.Before(chosen.config, chosen.requested, chosen.start, done, then)
            with gr.Tab("Train", id="train") as train_tab:
                training = train.build(
                    page_opened, train_tab, before, parts, followers, place, header, chosen_run, beats
                )
                doctor_panel.build(place.access)
            with gr.Tab("Compare", id="compare") as compare_tab:
                compare.build(training.view, parts, training.evaluating, followers, place)
            with gr.Tab("Publish", id="publish") as publish_tab:
                to_train = publish.build(training.view, parts, publish_tab, followers, place)
            with gr.Tab("Runs", id="runs") as runs_tab:
                listed = run_list.build(training.view, parts, runs_tab)
                change.build(training.view, parts, runs_tab, listed, followers, place)
                two_runs.build(parts, runs_tab, followers)
        parts.wire()
        attributes.mend(page, {form.element(path): path for path in (*form.LEAVES, *form.WEIGHTS)})
        tabs = (preset_tab, train_tab, compare_tab, publish_tab, runs_tab)
        address.build(page, tabs, training.view)
        to_train.click(None, js=show_tab("train"))
        page_opened(None, js=AGAIN)  # last: a stream has no end
        training.compare.click(None, js=show_tab("compare"))
    return page  # type: ignore[no-any-return]


def _space_row(space: Space) -> None:
    """Signing in, and a Space of one's own."""
    with gr.Row():
        if os.environ.get("OAUTH_CLIENT_ID"):
            gr.LoginButton("Sign in with Hugging Face", size="sm")
        else:
            lacks = "this Space's README.md lacks <code>hf_oauth: true</code>."
            gr.HTML(note("warning", f"Nobody can sign in here, so nobody can train: {lacks}"))
        gr.DuplicateButton("Duplicate this Space", size="sm")
    if space.zero_gpu:
        gr.HTML(zero_gpu(space))


def serve(environment: Mapping[str, str] = os.environ) -> None:
    """Serves the app until SIGTERM, which saves the run, or Ctrl-C, which leaves it active.

    Raises:
        UserError: where the page could be reached from elsewhere without a password.
    """
    place = here(environment)
    access = place.access
    check_exposure(environment, access)
    warnings.filterwarnings("ignore", message=".*HTTP_422_UNPROCESSABLE_ENTITY", module="gradio")
    backups = automatic_here(environment)
    secret = environment.get("HF_TOKEN")
    done = WhenDone(access.space_id, secret) if place.paid else None
    mcp = routes.mcp_requested(environment)
    if mcp and access.asks_password:  # Gradio asks nobody who comes by MCP, and its tools cannot sign in
        mcp = False
        print("GRADIO_MCP_SERVER: left out: no MCP tool can sign in with a password.", file=sys.stderr, flush=True)
    doors = Doors(place.origin, routes.served(mcp), place.streams)
    lighten()
    page = build(place, backups, done, secret)
    page.queue(default_concurrency_limit=4)
    page._queue.ANAYLTICS_CACHE_FREQUENCY = sys.maxsize  # it counts all calls after each, for a page that is closed
    # Gradio looks for work a thousand times a second, a twentieth of a core while nobody does anything.
    page._queue.sleep_when_free = page._queue.progress_update_sleep_when_free = QUEUE_SECONDS
    # On a Space Gradio starts a thread that swaps the page when the code changes, in the middle of a run too.
    http_server.get_space = lambda: None  # type: ignore[attr-defined]
    _, url, _ = page.launch(
        theme=theme.theme(),
        css_paths=[theme.CSS, preset.CSS],
        head=KEEPS_NOTHING,
        prevent_thread_lock=True,
        quiet=True,
        ssr_mode=False,
        show_error=False,
        max_file_size="20mb",
        max_threads=STREAMS + SLOTS_FOR_BUTTONS,
        state_session_capacity=SESSIONS,
        mcp_server=mcp,
        auth=("owner", access.password) if access.asks_password else None,
        auth_message="Sign in as <b>owner</b> with the password that this app was started with.",
        app_kwargs={
            "lifespan": doors.outermost,
            "middleware": [Middleware(Uploads, access=access, uploaded=page.upload_file_set)],
        },
        footer_links=["api", "gradio"],
    )
    print(f"GRPO Space is at {url}", flush=True)
    if backups is not None:
        backups.start()
    if done is not None:
        done.ask()
        done.take_up()
    if access.demo:
        place.visitors.watch()
    if wait():  # what was saved just now: this disk may be gone in a moment
        if backups is not None:
            backups.look()
        if done is not None:
            done.save_before_the_end()
    page.close(verbose=False)


def check_exposure(environment: Mapping[str, str], access: Access) -> None:
    """Refuses to serve a page that strangers could train on.

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
            f"{where}: whoever reaches this page could train here. Set GRPO_SPACE_PASSWORD; then sign in as owner "
            f"with it."
        )


def wait() -> bool:
    """Until Ctrl-C or SIGTERM. A run outlives Ctrl-C; after SIGTERM the machine may be gone: the run is saved first.
    Gives whether it was SIGTERM.
    """
    asked: SimpleQueue[None] = SimpleQueue()  # which a signal may interrupt at any moment, unlike an Event

    def terminate(_signum: int, _frame: FrameType | None) -> None:
        asked.put(None)

    signal.signal(signal.SIGTERM, terminate)
    try:
        asked.get()
    except KeyboardInterrupt:
        if (run := active_run()) is not None:
            print(f"\n{run.id} stays active without this page. To stop it: python -m grpo_space stop {run.id}")
        return False
    save_run()
    return True


def save_run() -> None:
    """Stops the active run, and waits until it is saved."""
    run = active_run()
    if run is None:
        return
    print(f"Saving {run.id}", file=sys.stderr, flush=True)
    try:
        launch.stop(run)
    except UserError:  # it ended in this moment
        return
    while run.status() == "running":
        time.sleep(0.2)
