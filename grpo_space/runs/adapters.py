"""LoRA adapters in folders: whose they are, and whether they change anything. Reads the files; imports no torch."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from grpo_space import hub
from grpo_space.config import LoraSection, ModelSection, RunConfig
from grpo_space.config_io import problem
from grpo_space.errors import UserError
from grpo_space.foreign import read_json_file
from grpo_space.formatting import cut
from grpo_space.paths import folder as project_folder
from grpo_space.runs.weights import read_header

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
MOST_CONFIG_BYTES = 4 * 2**20
LONGEST_SHOWN = 200
"""Characters of a value that others wrote."""
NOT_TAKEN_OVER = (
    "use_rslora", "use_dora", "rank_pattern", "alpha_pattern", "modules_to_save", "layers_to_transform",
)  # fmt: skip
"""PEFT's settings that change what an adapter does and that not every engine here takes over."""
CODE = "auto_map"
"""The setting by which Transformers finds Python code beside a model: no code comes with an adapter here."""


def check(folder: Path, model: ModelSection, name: str) -> None:
    """Refuses what is no LoRA adapter of this base, or changes nothing. `name`: what the user calls it."""
    config = read_config(folder, name)
    base = str(config.get("base_model_name_or_path") or "no model")
    if config.get("peft_type") != "LORA":
        kind = cut(str(config.get("peft_type")), LONGEST_SHOWN)
        raise UserError(f"adapter {name}: is of the kind {kind}, and only LoRA can be read here")
    if not is_base(base, model):
        ours = model.base_id or model.id
        raise UserError(f"adapter {name}: was made for {cut(base, LONGEST_SHOWN)}, and this run's base is {ours}")
    for field in NOT_TAKEN_OVER:
        if value := config.get(field):
            shown = cut(str(value), LONGEST_SHOWN)
            raise UserError(f"adapter {name}: its {field} is {shown}, which cannot be read here")
    as_adapter(LoraSection(), folder, name)
    if changes_nothing(folder / WEIGHTS, name):
        raise UserError(f"adapter {name}: this adapter changes nothing: all of its LoRA B are zero")


def check_whole(folder: Path, name: str) -> None:
    """Refuses weights that are no whole safetensors file, by a UserError: of a pickle nothing is read."""
    _header(folder / WEIGHTS, name)


def fetch(name: str, token: str | None) -> Path:
    """Downloads an adapter from the Hub: its config and its safetensors weights, and nothing else."""
    get = hub.api(token).snapshot_download
    try:
        return Path(hub.retried(lambda: get(name, allow_patterns=[CONFIG, WEIGHTS])))
    except (*hub.SPOKEN, OSError, ValueError) as error:
        raise UserError(hub.reading_failed(error, "adapter", name, token=token)) from None


def find(name: str, model: ModelSection, token: str | None) -> Path:
    """The folder of an adapter for this base, which lies here or comes from the Hub."""
    folder = Path(name) if Path(name).is_dir() else fetch(name, token)
    check(folder, model, name)
    return folder


def with_lora(config: RunConfig, folder: Path) -> RunConfig:
    """The config with the adapter's own rank, scale and layers in place of the run's."""
    lora = as_adapter(config.lora, folder, folder.name)
    return config.model_copy(update={"lora": lora})


def as_adapter(lora: LoraSection, folder: Path, name: str) -> LoraSection:
    """The settings `lora` with the rank, scale and layers of the adapter in a folder."""
    config, tensors = read_config(folder, name), _header(folder / WEIGHTS, name)
    own = {field: config[field] for field in ("r", "lora_alpha", "target_modules") if field in config}
    if not isinstance(own.get("target_modules"), list):  # a pattern: which layers it is about, the weights tell
        own["target_modules"] = {_layer(tensor) for tensor in tensors if "lora_A" in tensor} - {""}
    own["target_modules"] = sorted(map(str, own["target_modules"]))
    try:
        return LoraSection.model_validate(lora.model_dump() | own)
    except ValidationError as error:
        raise UserError(*(f"adapter {name}: {problem(each)}" for each in error.errors())) from None


def _layer(tensor: str) -> str:
    """`q_proj` of `...self_attn.q_proj.lora_A.weight`; empty for a name that is not built so."""
    parts = tensor.split(".")
    return parts[-3] if len(parts) >= 3 else ""


def read_config(folder: Path, name: str) -> dict[str, Any]:
    """PEFT's config of the adapter in a folder. One that comes with code is refused by a UserError."""
    if not (folder / CONFIG).is_file():
        raise UserError(f"adapter {name}: is not an adapter's folder: it has no {CONFIG}")
    try:
        config = read_json_file(folder / CONFIG, MOST_CONFIG_BYTES)
    except UserError as error:
        raise UserError(f"adapter {name}: {CONFIG}{str(error).removeprefix(str(folder / CONFIG))}") from None
    if not isinstance(config, dict):
        raise UserError(f"adapter {name}: {CONFIG} is not an adapter's config")
    if CODE in config:
        raise UserError(f"adapter {name}: {CONFIG} names Python code ({CODE}), which is not run here")
    return config


def is_base(base: str, model: ModelSection) -> bool:
    """Whether a name, or a folder, is the model's own."""
    try:
        folder = project_folder(base)
        here = folder.is_dir() and folder.resolve() == project_folder(model.id).resolve()
    except (OSError, ValueError):  # too long for a path, or a zero in it
        here = False
    return here or base in (model.id, model.base_id)


def changes_nothing(weights: Path, name: str) -> bool:
    """Whether every LoRA B is zero, as it is at the start of a training. Reads the bytes, whatever their type."""
    tensors = _header(weights, name)
    with weights.open("rb") as file:
        for tensor, (begin, end) in tensors.items():
            if "lora_B" not in tensor:
                continue
            file.seek(begin)
            left = end - begin
            while left and (data := file.read(min(left, 2**20))):
                if any(data):
                    return False
                left -= len(data)
    return True


def _header(weights: Path, name: str) -> dict[str, tuple[int, int]]:
    if not weights.is_file():
        raise UserError(f"adapter {name}: has no {WEIGHTS}")
    try:
        return read_header(weights)
    except UserError as error:
        raise UserError(f"adapter {name}: {error}") from None
