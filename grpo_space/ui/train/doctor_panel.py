"""Whether everything is here that a run needs: the doctor's answer on the page, in a process of its own, on request."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.runs.launch import without_secrets
from grpo_space.runs.locks import holder
from grpo_space.runs.run import runs_folder
from grpo_space.ui.access import Access
from grpo_space.ui.errors import as_note
from grpo_space.ui.handlers import QUIET
from grpo_space.ui.markup import note, tag, text


def build(access: Access) -> None:
    """Draws the panel, and wires it."""
    with gr.Accordion("Is everything here that a run needs?", open=False, elem_id="gs-doctor"):
        gr.HTML(
            "<p class='gs-dim'>Looks at the packages, the GPU and its driver, memory, disk, and the way to the Hugging "
            "Face Hub. About ten seconds, or a minute where vLLM is installed.</p>"
        )
        look = gr.Button("Look", elem_id="gs-ask-doctor")
        found = gr.HTML(elem_id="gs-looked")

    async def looked(request: gr.Request) -> AsyncIterator[str]:
        try:
            access.allowed(request)
            check_free()
        except UserError as error:
            yield as_note(error)
            return
        yield note("info", "Looking: the packages are imported, ten seconds, or a minute where vLLM is installed.")
        yield await examined()

    look.click(looked, None, found, concurrency_limit=1, **QUIET)


def check_free() -> None:
    """Refuses to look while the machine is in use.

    Raises:
        UserError: while a run has the machine: the doctor would touch its GPU, and take its cores.
    """
    if (held := holder(runs_folder() / "gpu.lock")) is not None:
        raise UserError(f"The machine is {held.doing}: look when that is done.")


async def examined() -> str:
    """The doctor's checks as an HTML table."""
    doctor = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "grpo_space", "doctor", "--json",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=without_secrets(),
    )  # fmt: skip
    out, errors = await doctor.communicate()
    try:
        checks = json.loads(out)
    except ValueError:
        last = (errors.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        return note("bad", f"The doctor failed: {text(last)}")
    problems = sum(not check["ok"] for check in checks)
    head = tag("p", tag("b", f"{problems} of {len(checks)} are a problem." if problems else "All is well."))
    rows = "".join(
        tag("tr", tag("td", text(check["what"])) + tag("td", "✓" if check["ok"] else "✗ problem")
            + tag("td", text(check["found"])) + tag("td", text(check["advice"])))
        for check in sorted(checks, key=lambda check: bool(check["ok"]))
    )  # fmt: skip
    titles = tag("tr", "".join(tag("th", title) for title in ("what", "state", "found", "what to do")))
    table = tag("table", tag("thead", titles) + tag("tbody", rows), "gs-figures")
    return f'{head}<div class="gs-scroll" tabindex="0" role="region" aria-label="What was looked at">{table}</div>'
