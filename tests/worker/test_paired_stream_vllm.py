"""Ask both through vLLM's engine, on a stand-in of it: all requests in one batch, emitted token by token."""

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import AutoTokenizer

from grpo_space.worker.engines.base import Sampling, Written
from grpo_space.worker.engines.choice import Choice
from tests.support.processes import ROOT

STANDINS = ROOT / "tests/support/standins"
PROMPT = [{"role": "user", "content": "How many?"}]
TOKENS = 5


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STANDIN_VLLM", "writes")
        patch.syspath_prepend(STANDINS)
        before = set(sys.modules)
        from grpo_space.worker import engines
        from grpo_space.worker.engines import unsloth_engine

        tokenizer = AutoTokenizer.from_pretrained(ROOT / "presets/tiny/model")
        llm = SimpleNamespace(llm_engine=sys.modules["vllm"].LLMEngine())
        model: Any = SimpleNamespace(vllm_engine=llm, load_lora=lambda name, load_tensors: "the adapter")
        yield unsloth_engine.Serving(
            Choice("unsloth", "vllm", ""), model, tokenizer, "", frozenset([tokenizer.eos_token_id])
        )
        del engines.unsloth_engine
        for name in {"vllm", "unsloth", "grpo_space.worker.engines.unsloth_engine"} - before:
            del sys.modules[name]


Emitted = list[tuple[str, int, Written, bool]]


def answered(engine: Any, samples: int = 1, sampling: Sampling | None = None) -> Emitted:
    from grpo_space.worker.engines.paired_stream import stream

    emitted: Emitted = []
    stream(
        engine, PROMPT, max_new_tokens=TOKENS, samples=samples, sampling=sampling, emit=lambda *one: emitted.append(one)
    )
    return emitted


def test_both_come_token_by_token_and_by_turns(engine: Any) -> None:
    emitted = answered(engine)
    assert [which for which, *_ in emitted] == ["base", "tuned"] * TOKENS
    for name in ("base", "tuned"):
        assert [written.tokens for which, _, written, _ in emitted if which == name] == list(range(1, TOKENS + 1))
        assert [done for which, _, _, done in emitted if which == name] == [False] * (TOKENS - 1) + [True]
    assert emitted[-2][2].text != emitted[-1][2].text  # the adapter is the tuned request's alone


def test_samples_have_seeds_of_their_own(engine: Any) -> None:
    last = {(which, k): written.text for which, k, written, done in answered(engine, 3, Sampling(1.0, 1)) if done}
    assert len(last) == 6
    assert len(set(last.values())) == 6


def test_who_leaves_frees_the_engine(engine: Any) -> None:
    from grpo_space.worker.engines.paired_stream import GoneError, stream

    def leave(*_: Any) -> None:
        raise GoneError

    with pytest.raises(GoneError):
        stream(engine, PROMPT, max_new_tokens=TOKENS, samples=2, sampling=None, emit=leave)
    assert not engine.model.vllm_engine.llm_engine.has_unfinished_requests()
    assert answered(engine)[-1][3]


def test_one_that_is_refused_leaves_none_behind(engine: Any) -> None:
    """The second of the four is: the first one would be written for nobody, and its name be taken."""
    import vllm

    with pytest.raises(ValueError, match="Request id base-1 is refused"):
        answered(engine, 2, Sampling(1.0, vllm.REFUSED_SEED - 1))
    assert not engine.model.vllm_engine.llm_engine.has_unfinished_requests()
    assert answered(engine, 2)[-1][3]
