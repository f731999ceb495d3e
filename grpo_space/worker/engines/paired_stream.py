"""Writes with base and tuned at once, and emits what they write token by token: in one batch wherever the
engine can.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Literal

import torch
from peft import PeftModelForCausalLM
from peft.tuners.lora import LoraLayer
from torch.nn.functional import linear
from transformers import StoppingCriteria, StoppingCriteriaList
from transformers.generation.streamers import BaseStreamer

from grpo_space.worker.engines.base import Engine, Messages, Sampling, Written
from grpo_space.worker.engines.plain import Generating

Which = Literal["base", "tuned"]
BOTH: tuple[Which, ...] = ("base", "tuned")
Emit = Callable[[Which, int, Written, bool], None]
"""Takes whose answer it is, the number of the sample, what is written so far, and whether that is all."""
SMALL = 50_000_000
"""Parameters up to which a CPU's threads cost more than they bring."""


class GoneError(Exception):
    """Raised where whoever asked the question does not listen any more."""


def stream(
    engine: Engine, prompt: Messages, *, max_new_tokens: int, samples: int, sampling: Sampling | None, emit: Emit
) -> None:
    """Writes both answers to a prompt, `samples` of each, and emits them as they grow until `emit` raises GoneError."""
    ids = engine.encode(prompt)
    if engine.choice.answers == "vllm":
        _with_vllm(engine, ids, max_new_tokens, samples, sampling, emit)
        return
    assert isinstance(engine, Generating)
    if engine.choice.engine == "transformers":
        rows: list[tuple[Which, int]] = [(which, k) for which in BOTH for k in range(samples)]
        _generate(engine, ids, rows, max_new_tokens, sampling, emit, mixed=True)
        return
    for which in BOTH:  # Unsloth's kernels take one adapter for the whole batch
        _generate(engine, ids, [(which, k) for k in range(samples)], max_new_tokens, sampling, emit, mixed=False)


class Rows(BaseStreamer):
    """Emits what each row of a batch wrote, after every token. `TextStreamer` knows one row."""

    def __init__(self, engine: Engine, rows: Sequence[tuple[Which, int]], most: int, emit: Emit) -> None:
        self.engine, self.rows, self.most, self.emit = engine, rows, most, emit
        self.ids: list[list[int]] = [[] for _ in rows]
        self.ended = [False] * len(rows)
        self.prompt = True

    def put(self, value: torch.Tensor) -> None:
        if self.prompt:  # the first call brings the prompt
            self.prompt = False
            return
        for i, token in enumerate(value.reshape(-1).tolist()):
            if not self.ended[i]:
                self.ids[i].append(token)
                self.ended[i] = token in self.engine.stop_ids or len(self.ids[i]) == self.most
                which, sample = self.rows[i]
                self.emit(which, sample, self.engine.read(self.ids[i]), self.ended[i])

    def end(self) -> None:
        pass


class AllEnded(StoppingCriteria):
    """Ends a generation once every row of the batch has ended."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        return torch.tensor(self.rows.ended, device=input_ids.device)


@contextmanager
def adapter_for(model: Any, first: int) -> Iterator[None]:
    """Within, the rows of a batch from `first` on have the adapter, added to the base's products of the whole batch.
    PEFT's `adapter_names` does the same by taking the batch apart in every layer: on the embedded model that took
    longer than one answer after the other.
    """

    def forward(layer: LoraLayer) -> Callable[..., torch.Tensor]:
        base, scaling = layer.get_base_layer(), layer.scaling["default"]
        a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight

        def both(x: torch.Tensor) -> torch.Tensor:
            output: torch.Tensor = base(x)
            output[first:].add_(linear(linear(x[first:].to(a.dtype), a), b).to(output.dtype), alpha=scaling)
            return output

        return both

    layers: list[Any] = [module for module in model.modules() if isinstance(module, LoraLayer)]
    for layer in layers:
        layer.forward = forward(layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward  # the class's own is there again


@contextmanager
def few_threads(model: Any) -> Iterator[None]:
    """Within, a small model on a CPU has one thread: two, which wait for each other, take four times as long."""
    threads = torch.get_num_threads()
    if model.device.type == "cpu" and model.num_parameters() < SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _generate(
    engine: Generating,
    ids: list[int],
    rows: Sequence[tuple[Which, int]],
    max_new_tokens: int,
    sampling: Sampling | None,
    emit: Emit,
    mixed: bool,
) -> None:
    model = engine.model
    inputs = torch.tensor([ids] * len(rows), device=model.device)
    streamer = Rows(engine, rows, max_new_tokens, emit)
    alone = nullcontext() if rows[0][0] == "tuned" else model.disable_adapter()
    if sampling is not None:
        torch.manual_seed(sampling.seed)
    model.eval()
    with torch.inference_mode(), adapter_for(model, len(rows) // 2) if mixed else alone, few_threads(model):
        PeftModelForCausalLM.generate(  # nothing is merged: the rows differ
            model,
            input_ids=inputs,
            attention_mask=torch.ones_like(inputs),
            generation_config=engine.decoding(max_new_tokens, sampling),
            streamer=streamer,
            stopping_criteria=StoppingCriteriaList([AllEnded(streamer)]),
        )


def _with_vllm(
    engine: Any, ids: list[int], max_new_tokens: int, samples: int, sampling: Sampling | None, emit: Emit
) -> None:
    """Writes all requests in vLLM's one batch, with and without the LoRA request."""
    from vllm import TokensPrompt  # noqa: PLC0415 - only where it is chosen

    from grpo_space.worker.engines.unsloth_engine import LORA  # noqa: PLC0415 - it imports Unsloth

    vllm = engine.model.vllm_engine.llm_engine
    lora = engine.model.load_lora(LORA, load_tensors=True)
    names = {f"{which}-{k}": (which, k) for which in BOTH for k in range(samples)}
    left = set(names)
    try:
        for name, (which, k) in names.items():
            request = lora if which == "tuned" else None
            prompt = TokensPrompt(prompt_token_ids=ids)
            vllm.add_request(name, prompt, engine.decoding(max_new_tokens, sampling, k), lora_request=request)
        for output in _outputs(vllm):
            which, k = names[output.request_id]
            emit(which, k, engine.read(output.outputs[0].token_ids), output.finished)
            left -= {output.request_id} if output.finished else set()
    finally:
        if left:
            vllm.abort_request(list(left))


def _outputs(vllm: Any) -> Iterator[Any]:
    while vllm.has_unfinished_requests():
        yield from vllm.step()
