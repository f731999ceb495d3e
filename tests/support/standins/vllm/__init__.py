"""A vLLM that cannot be imported, one that takes the process with it, or one that writes. STANDIN_VLLM says which."""

import os
from types import SimpleNamespace
from typing import Any

if os.environ["STANDIN_VLLM"] == "dies":
    os.abort()
if os.environ["STANDIN_VLLM"] != "writes":
    raise ImportError("libcudart.so.12: cannot open shared object file")


REFUSED_SEED = 666


def TokensPrompt(prompt_token_ids: list[int]) -> dict[str, list[int]]:
    return {"prompt_token_ids": prompt_token_ids}


class SamplingParams(SimpleNamespace):
    pass


class LLMEngine:
    """What the worker uses of it, as in 0.11.2 and 0.25.1: a step brings one token to every request, and tells all that
    it has. Its tokens depend on the adapter and the seed alone.
    """

    def __init__(self) -> None:
        self.requests: dict[str, tuple[SamplingParams, Any, list[int]]] = {}

    def add_request(self, request_id: str, prompt: Any, params: SamplingParams, lora_request: Any = None) -> None:
        if request_id in self.requests:
            raise ValueError(f"Request id {request_id} already running.")
        if not prompt["prompt_token_ids"] or params.seed == REFUSED_SEED:
            raise ValueError(f"Request id {request_id} is refused.")
        self.requests[request_id] = (params, lora_request, [])

    def has_unfinished_requests(self) -> bool:
        return bool(self.requests)

    def abort_request(self, request_ids: list[str]) -> None:
        for request_id in request_ids:
            self.requests.pop(request_id, None)

    def step(self) -> list[Any]:
        told = []
        for request_id, (params, lora, tokens) in list(self.requests.items()):
            tokens.append(10 + (len(tokens) + (100 if lora else 0) + 200 * (params.seed or 0)) % 600)
            finished = len(tokens) == params.max_tokens
            outputs = [SimpleNamespace(token_ids=tokens)]
            told.append(SimpleNamespace(request_id=request_id, outputs=outputs, finished=finished))
            if finished:
                del self.requests[request_id]
        return told
