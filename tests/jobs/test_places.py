"""What a Job costs where, and what a config gets for it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.jobs import places
from grpo_space.jobs.places import TABLE, Place
from grpo_space.jobs.submit import check_minutes
from grpo_space.planning.hardware import Gpu
from grpo_space.presets import preset_names, read_preset
from tests.support import hub_jobs
from tests.support.hub_server import HubServer

H100 = Gpu("NVIDIA H100", 80.0, "", (9, 0))
KNOWN = {place.flavor: place for place in TABLE}


def test_prices_come_from_the_hub_and_cards_that_cannot_train_are_left_out(hub: HubServer) -> None:
    found = {place.flavor: place for place in places.places()}
    assert list(found) == ["cpu-basic", "t4-small", "l4x1", "a100-large", "a10g-largex2"]
    for flavor, place in found.items():
        assert place.dollars_an_hour == KNOWN[flavor].dollars_an_hour
        assert (place.gpu, place.cards) == (KNOWN[flavor].gpu, KNOWN[flavor].cards)
        assert (place.as_of, KNOWN[flavor].as_of) == (None, places.READ)


@pytest.mark.parametrize(
    "change",
    [{"unitLabel": "token"}, {"unitCostUSD": 0}, {"accelerator": {"model": "Inf2", "quantity": "1", "vram": "32 GB"}},
     {"accelerator": {"model": "T4", "quantity": "1", "vram": "much"}}],
)  # fmt: skip
def test_what_is_not_understood_is_not_offered(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    t4 = next(each for each in hub_jobs.HARDWARE if each["name"] == "t4-small")
    monkeypatch.setattr(hub_jobs, "HARDWARE", [{**t4, **change, "name": "odd"}, t4])
    assert [place.flavor for place in places.places()] == ["t4-small"]


@pytest.mark.parametrize("status", [404, 429, 500])
def test_the_dated_table_stands_in_where_the_hub_does_not_say(hub: HubServer, status: int) -> None:
    hub.hub.fail("GET", "/api/jobs/hardware", status=status)
    assert {place.as_of for place in places.places()} == {places.READ}
    assert hub.hub.counted("GET", "/api/jobs/hardware") == 1  # the page waits for it


@pytest.mark.parametrize(
    ("preset", "flavor", "problem", "takes"),
    [
        ("tiny", "cpu-basic", "", "about 35 s"),
        ("qwen2.5-1.5b", "cpu-basic", "needs a GPU", ""),
        ("qwen2.5-1.5b", "t4-small", "", "roughly 75 min"),
        ("qwen2.5-1.5b", "l4x1", "", ""),
    ],
)
def test_a_config_fits_or_says_why_not(preset: str, flavor: str, problem: str, takes: str) -> None:
    found = places.offer(read_preset(preset).run, KNOWN[flavor])
    assert (found.problem, found.takes) == (problem, takes)


def test_several_cards_are_for_what_all_of_them_train() -> None:
    """In 16 bits; what the price is of, is the estimate of, too."""
    four, small = KNOWN["l4x4"], read_preset("smollm2-135m").run
    assert places.offer(read_preset("qwen2.5-1.5b").run, four).problem == "1 of its 4 GPUs would train"
    assert places.offer(small.changed(), four).problem == ""
    assert places.offer(override(small, ["gpus=2"]), four).problem == "2 of its 4 GPUs would train"
    assert places.offer(override(small, ["gpus=2"]), KNOWN["l4x1"]).problem == "has 1 GPU"
    a100 = KNOWN["a100-large"]
    one, two = (places.offer(small, replace(a100, gpu=H100, cards=cards)).seconds for cards in (1, 2))
    assert one is not None
    assert two is not None
    assert two < one


def test_what_is_too_large_for_a_card_is_offered_a_larger_one() -> None:
    longer = {"model": {"max_seq_length": 9000}, "grpo": {"max_completion_length": 8000}}
    config = read_preset("llama-3.1-8b").run.changed(**longer)
    assert places.offer(config, KNOWN["t4-small"]).problem == "too large"
    chosen = places.cheapest(config, TABLE)
    assert (chosen.gpu.gib if chosen.gpu else 0) > 16
    with pytest.raises(UserError, match="fits on none of the cards"):
        places.cheapest(config, TABLE[:4])


@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_fits_somewhere(preset: str) -> None:
    assert not places.offer(read_preset(preset).run, places.cheapest(read_preset(preset).run, TABLE)).problem


@given(some.floats(0.01, 50), some.integers(1, 10_000))
def test_the_most_it_can_cost_is_in_whole_cents_and_never_less_than_the_price(hourly: float, minutes: int) -> None:
    exact = hourly * minutes / 60
    most = Place("x", "x", None, hourly).most_dollars(minutes)
    assert exact - 1e-7 <= most < exact + 0.01
    assert round(most, 2) == most


@pytest.mark.parametrize("minutes", [0, -1, 1.5, True, None, "60", float("nan"), float("inf"), 10**6, {}])
def test_a_time_limit_that_is_none_is_refused_in_one_line(minutes: object) -> None:
    with pytest.raises(UserError, match="time limit: ") as refused:
        check_minutes(minutes)
    assert len(refused.value.problems) == 1


def test_a_wrong_card_names_the_right_ones() -> None:
    with pytest.raises(UserError, match="'t4-smal': did you mean t4-small"):
        places.named("t4-smal", TABLE)
    assert places.named("t4-small", TABLE).dollars_an_hour == 0.40
    assert check_minutes(90.0) == 90
