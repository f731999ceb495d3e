"""Parts of the page that one event draws."""

from typing import Any

import gradio as gr
import pytest

from grpo_space.ui.parts import Parts

Drawn = dict[Any, Any]


class Page:
    """Two components that are read and three that are drawn, and the handler that the event has at last."""

    def __init__(self) -> None:
        self.a, self.b = gr.State(1), gr.State(2)
        self.x, self.y, self.z = gr.HTML(), gr.HTML(), gr.HTML()
        self.parts = Parts(self.wired)

    def wired(self, handler: Any, inputs: Any, outputs: Any, **how: Any) -> None:
        self.handler, self.inputs, self.outputs, self.how = handler, inputs, outputs, how

    def drawn(self, a: object = 1, b: object = 2) -> Drawn:
        self.parts.wire()
        given: Drawn = self.handler({self.a: a, self.b: b}, gr.Request(username="ada"))
        return {part: value for part, value in given.items() if value != gr.skip()}


@pytest.fixture
def page() -> Page:
    return Page()


def test_each_gets_its_own_inputs_and_gives_its_own_outputs(page: Page) -> None:
    page.parts.add(lambda b: b * 10, page.b, page.x)
    page.parts.add(lambda b, a: (b, gr.update(value=a)), [page.b, page.a], [page.y, page.z])
    assert page.drawn(a="a", b=3) == {page.x: 30, page.y: 3, page.z: gr.update(value="a")}
    assert set(page.inputs) == {page.a, page.b}
    assert page.outputs == [page.x, page.y, page.z]
    assert page.how["trigger_mode"] == "always_last"


def test_one_that_gives_a_dict_changes_what_it_names_and_every_output_is_answered_for(page: Page) -> None:
    page.parts.add(lambda a: {page.y: a}, page.a, [page.x, page.y])
    assert page.drawn() == {page.y: 1}
    assert page.handler({page.a: 1, page.b: 2}, gr.Request()) == {page.x: gr.skip(), page.y: 1}


def test_of_two_that_draw_one_component_the_last_that_changes_it_is_right(page: Page) -> None:
    page.parts.add(lambda a: "first", page.a, page.x)
    page.parts.add(lambda a: gr.skip() if a else "second", page.a, page.x)
    assert page.drawn(a=1) == {page.x: "first"}
    assert page.drawn(a=0) == {page.x: "second"}


def test_one_that_fails_takes_no_other_along(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    page.parts.add(lambda a: 1 / a, page.a, page.x)
    page.parts.add(lambda b: b, page.b, page.y)
    with pytest.warns(UserWarning, match="A part of this page could not be drawn: reload it"):
        assert page.drawn(a=0) == {page.y: 2}
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_who_asks_for_the_request_gets_it(page: Page) -> None:
    page.parts.add(lambda a, request: request.username, page.a, page.x)
    assert page.drawn() == {page.x: "ada"}


def test_it_may_be_drawn_at_other_events_besides_alone() -> None:
    with gr.Blocks() as demo:
        page, button = Page(), gr.Button()
        page.parts.add(lambda a: a, page.a, page.x, button.click)
    [alone] = [one for one in demo.fns.values() if one.targets == [(button._id, "click")]]
    assert (alone.inputs, alone.outputs, alone.trigger_mode) == ([page.a], [page.x], "always_last")
