"""A link to a run, and what a browser keeps of the form."""

import dataclasses

import pytest

from grpo_space.config_io import override, write_yaml
from grpo_space.presets import read_preset
from grpo_space.ui.access import Access
from grpo_space.ui.address import link
from grpo_space.ui.deployment import here
from grpo_space.ui.preset import kept
from grpo_space.ui.preset.layout import Filled, title_of
from grpo_space.ui.space import Space

TINY = read_preset("tiny").run
FILLED = Filled(TINY, title_of("tiny"), 0)


@pytest.mark.parametrize(
    ("referer", "expected"),
    [
        ("http://127.0.0.1:7860/?tab=runs", "http://127.0.0.1:7860/?run=2026-a&tab=train"),
        ("https://lab.example/grpo/?run=b#x", "https://lab.example/grpo/?run=2026-a&tab=train"),
        ("javascript:alert(1)", ""),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_a_link_begins_where_the_page_was_opened(referer: str, expected: str) -> None:
    assert link(here({}), "2026-a", "train", referer) == expected


def test_on_a_space_a_link_is_to_its_page_on_the_hub() -> None:
    place = here({})
    space = dataclasses.replace(place, access=Access(on_space=True, space_id="ada/grpo"), space=Space("ada/grpo"))
    found = link(space, "2026-a", "compare", "https://ada-grpo.hf.space/")
    assert found == "https://huggingface.co/spaces/ada/grpo?run=2026-a&tab=compare"


def test_only_what_was_changed_is_kept() -> None:
    changed = override(TINY, ["grpo.max_steps=17"])
    assert kept.to_keep(write_yaml(TINY), FILLED) == {}
    assert kept.to_keep("", FILLED) == {}, "the form holds a mistake"
    assert kept.of(kept.to_keep(write_yaml(changed), FILLED)) == (changed, "tiny")
    imported = Filled(changed, "Imported from mine.yaml", 0)
    assert kept.of(kept.to_keep(write_yaml(changed), imported)) == (changed, "")


@pytest.mark.parametrize(
    "sent",
    [None, {}, "text", {"config": 3}, {"config": "["}, {"config": "name: x", "preset": "tiny"}, {"preset": "tiny"}],
)
def test_what_cannot_be_read_is_left(sent: object) -> None:
    assert kept.of(sent) is None


def test_a_preset_that_is_gone_is_no_base() -> None:
    assert kept.of({"config": write_yaml(TINY), "preset": "../../etc"}) == (TINY, "")
