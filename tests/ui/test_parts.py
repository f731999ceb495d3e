"""Parts of the page that one event draws."""

from typing import Any

import gradio as gr
import pytest

from grpo_space.ui.parts import Parts

Drawn = dict[Any, Any]


class Page:
    """Two components that are read and three that are drawn, at a change of another one."""

    def __init__(self) -> None:
        with gr.Blocks() as self.demo:
            self.a, self.b = gr.State(1), gr.State(2)
            self.x, self.y, self.z, self.told = gr.HTML(), gr.HTML(), gr.HTML(), gr.HTML()
            self.button = gr.Button()
        self.parts = Parts(self.told.change)

    def wired(self) -> list[Any]:
        """The calls, those at the change first."""
        with self.demo:
            self.parts.wire()
        return [call for call in self.demo.fns.values() if call.outputs]

    def drawn(self, a: object = 1, b: object = 2) -> Drawn:
        """What all calls give that follow the change."""
        given: Drawn = {}
        for call in self.wired():
            given |= call.fn({self.a: a, self.b: b}, gr.Request(username="ada"))
        return {part: value for part, value in given.items() if value != gr.skip()}


@pytest.fixture
def page() -> Page:
    return Page()


def test_each_gets_its_own_inputs_and_gives_its_own_outputs(page: Page) -> None:
    page.parts.add(lambda b: b * 10, page.b, page.x)
    page.parts.add(lambda b, a: (b, gr.update(value=a)), [page.b, page.a], [page.y, page.z])
    assert page.drawn(a="a", b=3) == {page.x: 30, page.y: 3, page.z: gr.update(value="a")}


def test_one_that_gives_a_dict_changes_what_it_names_and_every_output_is_answered_for(page: Page) -> None:
    page.parts.add(lambda a: {page.y: a}, page.a, [page.x, page.y])
    [call] = page.wired()
    assert call.fn({page.a: 1, page.b: 2}, gr.Request()) == {page.x: gr.skip(), page.y: 1}
    assert (set(call.inputs), call.outputs) == ({page.a}, [page.x, page.y])


@pytest.mark.parametrize(("a", "right"), [(1, "first"), (0, "second")])
def test_of_two_that_draw_one_component_the_last_that_changes_it_is_right(page: Page, a: int, right: str) -> None:
    page.parts.add(lambda a: "first", page.a, page.x)
    page.parts.add(lambda a: gr.skip() if a else "second", page.a, page.x)
    assert page.drawn(a=a) == {page.x: right}


def test_one_that_fails_takes_no_other_along(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    page.parts.add(lambda a: 1 / a, page.a, page.x)
    page.parts.add(lambda b: b, page.b, page.y)
    with pytest.warns(UserWarning, match="A part of this page could not be drawn: reload it"):
        assert page.drawn(a=0) == {page.y: 2}
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_who_asks_for_the_request_gets_it(page: Page) -> None:
    page.parts.add(lambda a, request: request.username, page.a, page.x)
    assert page.drawn() == {page.x: "ada"}


def test_what_is_drawn_at_once_waits_for_nothing_and_nothing_for_what_asks_the_hub(page: Page) -> None:
    page.parts.ask(lambda a: "asked", page.a, page.z)
    page.parts.add(lambda a: "slow", page.a, page.x)
    page.parts.add(lambda b: "at once", page.b, page.y, at_once=True)
    first, *others = page.wired()
    assert (first.targets, first.outputs) == ([(page.told._id, "change")], [page.y])
    assert [(each.outputs, each.trigger_after) for each in others] == [([page.x], first._id), ([page.z], first._id)]
    assert {each.trigger_mode for each in (first, *others)} == {"always_last"}


def test_what_asks_the_hub_at_another_event_follows_what_is_drawn_there(page: Page) -> None:
    page.parts.add(lambda a: a, page.a, page.x, page.button.click, at_once=True)
    page.parts.ask(lambda a: "asked", page.a, page.z, page.button.click)
    calls = page.wired()
    [alone] = [call for call in calls if call.targets == [(page.button._id, "click")]]
    assert alone.outputs == [page.x]
    assert [call.trigger_after for call in calls if call.outputs == [page.z]] == [calls[0]._id, alone._id]


def test_all_that_is_drawn_at_another_event_is_drawn_in_one_call(page: Page) -> None:
    page.parts.add(lambda a: a, page.a, page.x, page.button.click)
    page.parts.add(lambda b: b, page.b, page.y)
    page.parts.add(lambda b: b, page.b, page.z, page.button.click, at_once=True)
    [alone] = [call for call in page.wired() if call.targets == [(page.button._id, "click")]]
    assert (set(alone.inputs), alone.outputs) == ({page.a, page.b}, [page.x, page.z])
    assert alone.trigger_mode == "always_last"
