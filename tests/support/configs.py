"""Configs without a mistake, for property tests."""

from typing import Any

from hypothesis import strategies as st

from grpo_space.config import RunConfig
from grpo_space.config_io import parse


@st.composite
def configs(draw: st.DrawFn) -> RunConfig:
    text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
    each = draw(st.integers(2, 256))
    data: dict[str, Any] = {
        "name": draw(st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,38}[a-z0-9])?", fullmatch=True)),
        "model": {"id": draw(text), "revision": draw(st.none() | text), "load_in_4bit": draw(st.booleans())},
        "data": {"path": draw(text), "system_prompt": draw(st.none() | text)},
        "grpo": {
            "num_generations": each,
            "per_device_train_batch_size": each * draw(st.integers(1, 16)),
            "learning_rate": draw(st.floats(0, 1, exclude_min=True)),
            "min_p": draw(st.none() | st.floats(0, 1)),
            "loss_type": draw(st.sampled_from(["grpo", "dapo", "sapo"])),
        },
        "lora": {"target_modules": draw(st.lists(text, min_size=1, max_size=3))},
        "seed": draw(st.integers(0, 2**32 - 1)),
    }
    return parse(data)
