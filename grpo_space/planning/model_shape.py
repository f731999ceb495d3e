"""Reads the sizes of a model from its config.json, and works out what its weights, an adapter and its cache take."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HFValidationError

from grpo_space.config import ModelSection
from grpo_space.errors import UserError
from grpo_space.foreign import read_json_file
from grpo_space.paths import local_model

FOUR_BITS = 0.516
"""Bytes a weight in NF4, with the scales of its blocks, doubly quantised (QLoRA, arXiv:2305.14314)."""


@dataclass(frozen=True)
class Shape:
    """A decoder's sizes, under the names of its config.json."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    vocab_size: int
    tie_word_embeddings: bool = False
    head_dim: int = 0

    @property
    def head(self) -> int:
        """Width of an attention head."""
        return self.head_dim or self.hidden_size // self.num_attention_heads

    @property
    def linears(self) -> dict[str, tuple[int, int]]:
        """Inputs and outputs of each linear layer in one of the decoder's layers."""
        hidden, mlp = self.hidden_size, self.intermediate_size
        query, key = self.num_attention_heads * self.head, self.num_key_value_heads * self.head
        return {
            "q_proj": (hidden, query), "k_proj": (hidden, key), "v_proj": (hidden, key), "o_proj": (query, hidden),
            "gate_proj": (hidden, mlp), "up_proj": (hidden, mlp), "down_proj": (mlp, hidden),
        }  # fmt: skip

    def weights(self, four_bits: bool) -> float:
        """Bytes of the weights. The embeddings stay in 16 bits."""
        linear = self.num_hidden_layers * sum(a * b for a, b in self.linears.values())
        embeddings = self.vocab_size * self.hidden_size * (1 if self.tie_word_embeddings else 2)
        return linear * (FOUR_BITS if four_bits else 2) + embeddings * 2

    def lora(self, rank: int, targets: tuple[str, ...]) -> int:
        """Parameters of an adapter of that rank on the layers named in `targets`."""
        sizes = [sum(size) for name, size in self.linears.items() if name in targets]
        return rank * self.num_hidden_layers * sum(sizes)

    def cache(self, tokens: int) -> float:
        """Bytes of the keys and values of so many tokens, in 16 bits."""
        return tokens * self.num_hidden_layers * self.num_key_value_heads * self.head * 2 * 2


LLAMA_8B = Shape(4096, 14336, 32, 32, 8, 128256)
QWEN_7B = Shape(3584, 18944, 28, 28, 4, 152064)
QWEN_1_5B = Shape(1536, 8960, 28, 12, 2, 151936, tie_word_embeddings=True)
SMOLLM2_135M = Shape(576, 1536, 30, 9, 3, 49152, tie_word_embeddings=True)
KNOWN = {
    "meta-llama/Llama-3.1-8B-Instruct": LLAMA_8B,
    "Qwen/Qwen2.5-Math-7B-Instruct": QWEN_7B,
    "Qwen/Qwen2.5-1.5B-Instruct": QWEN_1_5B,
    "Qwen/Qwen2.5-Coder-1.5B-Instruct": QWEN_1_5B,
    "HuggingFaceTB/SmolLM2-135M-Instruct": SMOLLM2_135M,
}
"""The presets' models, of which there is a plan before anything was downloaded."""


def shape_of(model: ModelSection) -> Shape | None:
    """The model's sizes, from its config.json where that is on this disk, or of the presets' models; else None."""
    if folder := local_model(model):
        return read_shape(folder / "config.json")
    try:
        found = try_to_load_from_cache(model.id, "config.json", None, model.revision)
    except HFValidationError:  # no name of the Hub's: who asks it for the model says so
        found = None
    return read_shape(Path(found)) if isinstance(found, str) else KNOWN.get(model.base_id or model.id)


def read_shape(file: Path) -> Shape | None:
    """The sizes in a config.json; None where it is of another kind of model."""
    try:
        known: dict[str, Any] = read_json_file(file)
        fields = {name: known[name] for name in Shape.__dataclass_fields__ if known.get(name) is not None}
        return Shape(**{"num_key_value_heads": fields["num_attention_heads"], **fields})
    except (UserError, KeyError, TypeError, AttributeError):
        return None
