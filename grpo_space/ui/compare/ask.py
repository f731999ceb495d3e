"""Ask both: one's own question, and base and tuned answer at once, token by token."""

import time
from collections.abc import Generator, Iterator
from functools import partial
from typing import Any

import gradio as gr

from grpo_space.errors import UserError
from grpo_space.formatting import duration
from grpo_space.runs import ask_client, evaluations
from grpo_space.runs.run import Run
from grpo_space.ui.access import token_if_any
from grpo_space.ui.compare import asked
from grpo_space.ui.compare.asked import Answers, Asked, short
from grpo_space.ui.deployment import Place
from grpo_space.ui.errors import as_note, in_words
from grpo_space.ui.gradio_workarounds import OFF, classes_if, shown_if
from grpo_space.ui.handlers import EIGHT_AT_ONCE
from grpo_space.ui.live import example
from grpo_space.ui.live.follower import Followers, Page
from grpo_space.ui.live.page_stream import View, offered
from grpo_space.ui.markup import note, tag, text
from grpo_space.ui.parts import Parts

ABOUT = """<h2>Ask both</h2><p class='gs-dim'>Your own question: base and tuned model answer it side by side. In words
far from what it was trained on, a small model is often lost, tuned or not.</p>"""
EXAMPLES = 3
"""Held-out problems that are offered to be asked."""
EVERY_SECONDS = 0.08
"""Between two updates of the page: faster than that nobody reads."""


def build(view: gr.State, parts: Parts, followers: Followers, place: Place) -> None:
    """Draws the question and its answers, and wires them."""
    gr.HTML(ABOUT)
    question = gr.Textbox("", label="Question", lines=2, max_length=ask_client.MOST_CHARACTERS, elem_id="gs-question")
    with gr.Column(elem_classes=OFF, elem_id="gs-ask-examples") as held_out_problems:
        gr.HTML("<p class='gs-dim'>For example, held-out problems:</p>")
        with gr.Row():
            examples = [gr.Button("", size="sm", elem_classes=OFF) for _ in range(EXAMPLES)]
    with gr.Accordion("How they answer", open=False):
        checkpoint = gr.Dropdown(
            checkpoints(None),
            value="",
            label="Weights of the tuned model",
            elem_classes=OFF,
            elem_id="gs-ask-checkpoint",
        )
        temperature = gr.Slider(0, 2, 0, step=0.1, label="Temperature (0: always the likeliest token)")
        samples = gr.Slider(1, 8, 1, step=1, label="Answers of each (more than one needs a temperature)")
        seed = gr.Number(0, label="Seed")
    with gr.Row():
        ask = gr.Button("Ask both", variant="primary", elem_id="gs-ask-both")
        stop = gr.Button("Stop", elem_id="gs-ask-stop")
    answers = gr.HTML(elem_id="gs-asked")
    earlier, kept = gr.HTML(elem_id="gs-asked-before"), gr.State([])
    with gr.Accordion("All of it as text", open=False, elem_id="gs-asked-fold"):
        words = gr.Textbox(
            label="Questions and answers", interactive=False, lines=3, max_lines=16, buttons=["copy"],
            elem_id="gs-asked-text",
        )  # fmt: skip
    asking: dict[str, ask_client.Stop] = {}  # by the page that asks

    def offer(view: View, chosen: str) -> tuple[Any, ...]:
        page = example.seen(followers, view.subject)
        there, questions = checkpoints(page.run if page else None), held_out(page)
        value = chosen if chosen in dict(there).values() else ""
        weights = offered(there, value, chosen, elem_classes=[] if len(there) > 1 else OFF)
        words = [*map(short, questions), *[""] * (EXAMPLES - len(questions))]
        buttons = (gr.update(value=each, elem_classes=classes_if(bool(each))) for each in words)
        return weights, shown_if(bool(questions)), *buttons

    def take(number: int, view: View) -> str:
        questions = held_out(example.seen(followers, view.subject))
        if number not in range(len(questions)):
            raise UserError("That problem is not offered any more: choose another one.")
        return questions[number]

    def ask_both(
        view: View, question: str, temperature: float, samples: float, seed: float, step: str, before: list[Asked],
        request: gr.Request,
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        session, stopping = str(request.session_hash), ask_client.Stop()
        if asking.setdefault(session, stopping) is not stopping:  # neither dropped without a word nor written over
            gr.Warning("One question at a time: wait for its answers, or press Stop.")
            yield (gr.skip(),) * 4
            return
        so_far: Answers = {}
        try:
            page = followers.look(view.subject)
            refuse_without_a_model(page)
            assert page is not None
            place.access.may_train(request, page.run.config)
            wanted = question_from(question, temperature, seed, samples, step)
            messages = ask_client.ask(page.run, wanted, stopping, token_if_any(place.access, request))
            source, first = source_words(page.run, wanted), asked.as_html(before)
            for shown in _answers(messages, source, so_far):
                yield asked.question(wanted.question) + shown, first, gr.skip(), gr.skip()
                first = gr.skip()
            now = asked.with_new(before, Asked(wanted.question, source, so_far))
            yield gr.skip(), gr.skip(), now, asked.as_text(now)
        except UserError as error:
            yield as_note(error, "No answer."), gr.skip(), gr.skip(), gr.skip()
        finally:
            asking.pop(session, None)

    def stop_it(request: gr.Request) -> None:
        if (stopping := asking.get(str(request.session_hash))) is not None:
            stopping()

    asks: Any = [view, question, temperature, samples, seed, checkpoint, kept]
    shown: Any = [answers, earlier, kept, words]
    gr.on([ask.click, question.submit], ask_both, asks, shown, trigger_mode="multiple", **EIGHT_AT_ONCE)
    stop.click(stop_it, queue=False, **EIGHT_AT_ONCE)
    parts.add(offer, [view, checkpoint], [checkpoint, held_out_problems, *examples])
    for number, button in enumerate(examples):
        button.click(in_words(partial(take, number)), view, question, **EIGHT_AT_ONCE)


def held_out(page: Page | None) -> list[str]:
    """Problems of a run's own comparison, to be asked: as they stand there, with a choice's options."""
    base = page.evaluation.base if page else None
    return list(dict.fromkeys(answer.question for answer in base.answers))[:EXAMPLES] if base else []


def checkpoints(run: Run | None) -> list[tuple[str, str]]:
    """The choices of the tuned model's weights: what they are called, and their key."""
    kept = run.checkpoint_steps() if run else []
    return [("The run's adapter", ""), *((f"Checkpoint of step {step:,}", str(step)) for step in kept)]


def question_from(words: Any, temperature: Any, seed: Any, samples: Any, step: Any) -> ask_client.Question:
    """A question as a browser sent it.

    Raises:
        UserError: naming each value that cannot be: a browser may send any.
    """
    numbers = {"temperature": temperature, "seed": seed or 0, "samples": samples}
    for name, value in numbers.items():
        if not isinstance(value, int | float) or (name != "temperature" and not float(value).is_integer()):
            raise UserError(f"{name}: {str(value)[:80]!r} is not a {'' if name == 'temperature' else 'whole '}number")
    checkpoint = int(step) if str(step).isdecimal() else None
    return ask_client.question(str(words or ""), float(temperature), int(seed or 0), int(samples), checkpoint)


def refuse_without_a_model(page: Page | None) -> None:
    """Refuses a question to a run without a model.

    Raises:
        UserError: where the run that is looked at has no model to ask, or none yet.
    """
    if page is not None and page.status == "running":
        raise UserError(
            f"{page.run.id} has the machine: ask when it is done. Another run's model can be asked then, too: choose "
            "it in Runs."
        )
    if page is None or not evaluations.possible(page.run):
        raise UserError("There is no trained model yet: train first.")


def source_words(run: Run, question: ask_client.Question) -> str:
    """The model that answers, and how: the run, its checkpoint, and the sampling."""
    step = "" if question.checkpoint is None else f", checkpoint of step {question.checkpoint:,}"
    how = f"temperature {question.temperature:g}, seed {question.seed}" if question.temperature else "greedy"
    return f"{run.id}{step}, {how}."


def _answers(messages: Generator[dict[str, Any], None, None], source: str, so_far: Answers) -> Iterator[str]:
    """The answers so far as HTML, a few times a second; they are put into `so_far`."""
    yield note("info", asked.in_progress("Asking."))
    drawn, ended = 0.0, False
    try:
        for one in messages:
            if "which" in one:
                so_far[one["which"], one["sample"]] = one
                if not one["done"] and time.monotonic() - drawn < EVERY_SECONDS:
                    continue
                drawn = time.monotonic()
                yield asked.pair(so_far)
            elif ended := "end" in one:
                yield asked.pair(so_far) + tag(
                    "p", text(f"{source} Both were written in {one['seconds']:.1f} s."), "gs-dim"
                )
            else:
                yield note("info", asked.in_progress(waiting(one)))
        if not ended:
            yield asked.pair(so_far, broken=True) + tag("p", "Stopped.", "gs-dim")
    except UserError as error:
        yield as_note(error, "Broken off." if so_far else "No answer.") + asked.pair(so_far, broken=True)
    finally:
        messages.close()  # whoever left the page frees the server


def waiting(message: dict[str, Any]) -> str:
    """What a question waits for: others before it, or the model."""
    if "waiting" in message:
        before = message["waiting"]
        return f"{before} question{'s' if before > 1 else ''} before yours."
    return f"Loading {message['loading']}: about {duration(message['seconds'])}. The next question is answered at once."
