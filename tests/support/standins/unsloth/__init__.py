"""What the worker uses of Unsloth, on a CPU."""

import importlib.util
import os
from pathlib import Path
from typing import Any

os.environ.pop("TORCHINDUCTOR_CACHE_DIR", None)  # as the real one does

if importlib.util.find_spec("vllm"):
    import vllm  # noqa: F401 - as Unsloth does where it is installed


class FastLanguageModel:
    @staticmethod
    def from_pretrained(model_name: str, **_: Any) -> tuple[Any, Any]:
        if (Path(os.environ["TRITON_CACHE_DIR"]) / "damaged").exists():
            os.abort()
        from transformers import AutoModelForCausalLM, AutoTokenizer

        model = AutoModelForCausalLM.from_pretrained(model_name)
        return model, AutoTokenizer.from_pretrained(model_name, padding_side="left")

    @staticmethod
    def get_peft_model(model: Any, use_gradient_checkpointing: str, random_state: int, **options: Any) -> Any:
        from peft import LoraConfig, PeftModelForCausalLM

        return PeftModelForCausalLM(model, LoraConfig(task_type="CAUSAL_LM", **options))
