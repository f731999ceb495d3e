"""What is done to the form counts in the order in which it was done, whatever takes how long; spoken over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest

from grpo_space.config_io import override, write_yaml
from grpo_space.presets import read_preset
from tests.support.hostile import config, handler_of, join, messages, stream
from tests.support.served import Served


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(GRPO_SPACE_RUNS=str(tmp_path_factory.mktemp("runs")))
    yield served
    served.close()


def sent(page: dict[str, Any], handler: int, **changed: Any) -> list[Any]:
    """What a page sends to a handler: what its components hold, and `changed`, by their ids."""
    components = {each["id"]: each["props"] for each in page["components"]}
    [inputs] = [each["inputs"] for each in page["dependencies"] if each["id"] == handler]
    held = [components[each] for each in inputs]
    return [changed.get(props.get("elem_id", "").replace("-", "_"), props.get("value")) for props in held]


def answers(app: Served, session: str, count: int) -> Iterator[tuple[str, str]]:
    """A session's next answers as they end: which call, and what changes on the page."""
    with stream(app.url, session) as opened:
        for message in messages(opened):
            if message["msg"] == "process_completed":
                assert message["success"], message
                yield message["event_id"], str(message["output"]["data"])
                count -= 1
                if not count:
                    return


def test_what_is_done_to_the_form_counts_in_the_order_in_which_it_was_done(app: Served) -> None:
    page = config(app.url)
    choose = handler_of(app.url, "choose-tiny")
    left = handler_of(app.url, "field-lora-r", "blur")

    def called(handler: int, data: list[Any]) -> str:
        return str(join(app.url, handler, data, "first").json()["event_id"])

    typed = sent(page, left, field_lora_r=4)
    asked = [called(choose, sent(page, choose)), *(called(left, typed) for _ in range(4))]
    done = dict(answers(app, "first", 5))
    assert list(done) == asked
    assert "tiny</b>, as it came" in done[asked[0]]
    assert not any("lora.r" in done[each] for each in asked[1:])

    now = called(left, sent(page, left, field_lora_r=4, preset_number="1"))
    assert "lora.r: 16 → 4" in dict(answers(app, "first", 1))[now]


def test_what_the_browser_kept_takes_the_place_of_nothing_that_was_typed(app: Served) -> None:
    """It comes when the page stands, and who is quick has typed by then."""
    page = config(app.url)
    [browser] = [each["id"] for each in page["components"] if each["type"] == "browserstate"]
    [kept] = [each["id"] for each in page["dependencies"] if browser in each["inputs"]]
    at = next(each["inputs"] for each in page["dependencies"] if each["id"] == kept).index(browser)
    before = {"config": write_yaml(override(read_preset("tiny").run, ["seed=7"])), "preset": "tiny"}

    def shown(**typed: Any) -> str:
        data = sent(page, kept, **typed)
        data[at] = before
        asked = str(join(app.url, kept, data, "second").json()["event_id"])
        return dict(answers(app, "second", 1))[asked]

    assert "seed: 0 → 7" not in shown(field_lora_r=4)
    assert "seed: 0 → 7" in shown()
