"""What a base model's licence asks of what is made from it: the card's tag, a name, a notice, a copy of itself."""

from dataclasses import dataclass
from pathlib import Path

from grpo_space.config import ModelSection

NOTICE = (
    "Llama 3.1 is licensed under the Llama 3.1 Community License, Copyright © Meta Platforms, Inc. All Rights Reserved."
)


@dataclass(frozen=True)
class Licence:
    """What a licence asks for."""

    tag: str
    """The Hub's name for it; empty where it is not known."""
    name_begins: str = ""
    """How the name of a model made from it must begin."""
    built_with: str = ""
    """The words that must stand on the card."""
    notice: str = ""
    """The text of the NOTICE file that must go with the weights."""
    page: str = ""
    """Where the licence can be read."""
    text: Path | None = None
    """The agreement itself, where a copy must go with the weights."""


TEXTS = Path(__file__).with_name("licences")
OPEN = Licence("apache-2.0")
LLAMA = Licence(
    "llama3.1", "Llama", "Built with Llama", NOTICE, "https://www.llama.com/llama3_1/license/", TEXTS / "llama3.1.txt"
)
UNKNOWN = Licence("")
EMBEDDED = ("/presets/tiny/model", "/presets/tiny_tasks/countdown", "/presets/tiny_tasks/choice")
"""How the full paths of this project's own models end."""


def of(model: ModelSection) -> Licence:
    """The licence of a base model, by its name: a quantised copy has its original's."""
    name = (model.base_id or model.id).casefold()
    if "llama-3.1" in name or "llama3.1" in name:
        return LLAMA
    if "llama" in name and "tinyllama" not in name:
        return Licence("", "Llama", "Built with Llama", "", "https://www.llama.com/")
    if name.startswith(("presets/tiny/", "presets/tiny_tasks/")) or name.endswith(EMBEDDED):
        return OPEN
    if name.startswith("qwen/qwen2.5-") and "-3b" not in name and "-72b" not in name:
        return OPEN  # 3B and 72B have licences of their own
    if name.startswith(("qwen/qwen3", "huggingfacetb/smollm2-")):
        return OPEN
    return UNKNOWN
