"""What is done to the form counts in the order in which it was done, whatever takes how long; spoken over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.hostile import config, handler_of, join, messages, stream
from tests.support.served import Served

SESSION = "one-page"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("GRPO_SPACE_RUNS", str(tmp_path))
    served = Served()
    yield served
    served.close()


def sent(page: dict[str, Any], handler: int, **changed: Any) -> list[Any]:
    """What a page sends to a handler: what its components hold, and `changed`, by their ids."""
    components = {each["id"]: each["props"] for each in page["components"]}
    [inputs] = [each["inputs"] for each in page["dependencies"] if each["id"] == handler]
    held = [components[each] for each in inputs]
    return [changed.get(props.get("elem_id", "").replace("-", "_"), props.get("value")) for props in held]


def answers(app: Served, count: int) -> Iterator[tuple[str, str]]:
    """The session's next answers as they end: which call, and what changes on the page."""
    with stream(app.url, SESSION) as opened:
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
        return str(join(app.url, handler, data, SESSION).json()["event_id"])

    typed = sent(page, left, field_lora_r=4)
    asked = [called(choose, sent(page, choose)), *(called(left, typed) for _ in range(4))]
    done = dict(answers(app, 5))
    assert list(done) == asked
    assert "tiny</b>, as it came" in done[asked[0]]
    assert not any("lora.r" in done[each] for each in asked[1:])

    now = called(left, sent(page, left, field_lora_r=4, preset_number="1"))
    assert "lora.r: 16 → 4" in dict(answers(app, 1))[now]
