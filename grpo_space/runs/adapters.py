"""LoRA adapters in folders: whose they are, and whether they change anything. Reads the files; imports no torch."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from grpo_space import hub
from grpo_space.config import LoraSection, ModelSection, RunConfig
from grpo_space.config_io import problem
from grpo_space.errors import UserError
from grpo_space.paths import folder as project_folder

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
STRANGE = ("use_rslora", "use_dora", "rank_pattern", "alpha_pattern", "modules_to_save", "layers_to_transform")
"""PEFT's settings that change what an adapter does and that not every engine here takes over."""


def check(folder: Path, model: ModelSection, name: str) -> None:
    """`name`: what the user calls the adapter.

    Raises:
        UserError: where it is none, one of another base, or one that changes nothing.
    """
    config = read_config(folder, name)
    base = str(config.get("base_model_name_or_path") or "no model")
    if config.get("peft_type") != "LORA":
        raise UserError(f"adapter {name}: is of the kind {config.get('peft_type')}, and only LoRA can be read here")
    if not _same(base, model):
        raise UserError(f"adapter {name}: was made for {base}, and this run's base is {model.base_id or model.id}")
    for field in STRANGE:
        if config.get(field):
            raise UserError(f"adapter {name}: its {field} is {config[field]}, which cannot be read here")
    if not (folder / WEIGHTS).is_file():
        raise UserError(f"adapter {name}: has no {WEIGHTS}")
    as_adapter(LoraSection(), folder, name)
    if changes_nothing(folder / WEIGHTS, name):
        raise UserError(f"adapter {name}: this adapter changes nothing: all of its LoRA B are zero")


def fetch(name: str, token: str | None) -> Path:
    """An adapter on the Hub comes to this disk.

    Raises:
        UserError: where it cannot be had.
    """
    get = hub.api(token).snapshot_download
    try:
        return Path(hub.retried(lambda: get(name, allow_patterns=[CONFIG, WEIGHTS])))
    except (*hub.SPOKEN, OSError, ValueError) as error:
        raise UserError(hub.reading_failed(error, "adapter", name, token=token)) from None


def find(name: str, model: ModelSection, token: str | None) -> Path:
    """An adapter's folder: it lies here, or comes from the Hub.

    Raises:
        UserError: where it cannot be had, or is not one for this base.
    """
    folder = Path(name) if Path(name).is_dir() else fetch(name, token)
    check(folder, model, name)
    return folder


def with_lora(config: RunConfig, folder: Path) -> RunConfig:
    """The config with the adapter's own rank, scale and layers in place of the run's."""
    lora = as_adapter(config.lora, folder, folder.name)
    return config.model_copy(update={"lora": lora})


def as_adapter(lora: LoraSection, folder: Path, name: str) -> LoraSection:
    """
    Raises:
        UserError: where the adapter's rank, scale or layers cannot be taken over.
    """
    told = read_config(folder, name)
    own = {field: told[field] for field in ("r", "lora_alpha", "target_modules") if field in told}
    if not isinstance(own.get("target_modules"), list):  # a pattern: which layers it is about, the weights tell
        own["target_modules"] = {
            tensor.split(".")[-3] for tensor in _header(folder / WEIGHTS, name) if "lora_A" in tensor
        }
    own["target_modules"] = sorted(map(str, own["target_modules"]))
    try:
        return LoraSection.model_validate(lora.model_dump() | own)
    except ValidationError as error:
        raise UserError(*(f"adapter {name}: {problem(each)}" for each in error.errors())) from None


def read_config(folder: Path, name: str) -> dict[str, Any]:
    """
    Raises:
        UserError: where there is no adapter.
    """
    try:
        found = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except OSError:
        raise UserError(f"adapter {name}: is not an adapter's folder: it has no {CONFIG}") from None
    except ValueError:
        raise UserError(f"adapter {name}: {CONFIG} is not JSON") from None
    if not isinstance(found, dict):
        raise UserError(f"adapter {name}: {CONFIG} is not an adapter's config")
    return found


def _same(base: str, model: ModelSection) -> bool:
    folder = project_folder(base)
    here = folder.is_dir() and folder.resolve() == project_folder(model.id).resolve()
    return here or base in (model.id, model.base_id)


def changes_nothing(weights: Path, name: str) -> bool:
    """LoRA's B starts at zero. Reads the bytes of every B, whatever their type.

    Raises:
        UserError: where it is no safetensors file.
    """
    tensors = _header(weights, name)
    try:
        with weights.open("rb") as file:
            begin = 8 + int.from_bytes(file.read(8), "little")
            for tensor, told in tensors.items():
                if "lora_B" in tensor:
                    start, end = told["data_offsets"]
                    file.seek(begin + start)
                    if any(file.read(end - start)):
                        return False
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise _no_safetensors(weights, name) from error
    return True


def _header(weights: Path, name: str) -> dict[str, Any]:
    """What a safetensors file says of each of its tensors.

    Raises:
        UserError: where it is none.
    """
    try:
        with weights.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > weights.stat().st_size:
                raise ValueError  # noqa: TRY301
            return dict(json.loads(file.read(size)))
    except (OSError, ValueError, TypeError) as error:
        raise _no_safetensors(weights, name) from error


def _no_safetensors(weights: Path, name: str) -> UserError:
    return UserError(f"adapter {name}: {weights.name} is not a safetensors file")
