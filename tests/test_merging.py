"""Can the whole model be made in 16 bits here?"""

from pathlib import Path

import pytest

from grpo_space import hardware, merging
from grpo_space.errors import UserError
from grpo_space.hardware import Gpu, free_ram
from grpo_space.presets import read_preset

TINY, LLAMA = read_preset("tiny").run, read_preset("llama-3.1-8b").run
WHOLE = LLAMA.model_copy(
    update={"model": LLAMA.model.model_copy(update={"load_in_4bit": False, "id": "meta-llama/Llama-3.1-8B-Instruct"})}
)
T4 = Gpu("Tesla T4", 15.0, "550.1", (7, 5))


def refusal(*arguments: object) -> tuple[str, ...]:
    with pytest.raises(UserError) as caught:
        merging.check(*arguments)  # type: ignore[arg-type]
    return caught.value.problems


def test_where_it_cannot_be_merged_the_reason_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    merging.check(TINY, None, tmp_path)
    assert "is in 4 bits" in refusal(LLAMA, T4, tmp_path)[0]
    assert "this machine has a Tesla T4" in refusal(TINY, T4, tmp_path)[0]
    monkeypatch.setattr(hardware, "free_ram", lambda: 15 * 2**30)
    monkeypatch.setattr("grpo_space.merging.shutil.disk_usage", lambda folder: type("Disk", (), {"free": 10 * 2**30}))
    ram, disk = refusal(WHOLE, None, tmp_path)
    assert "needs about 30.9 GiB of RAM, and 15.0 GiB are free" in ram
    assert "needs 15.0 GiB of disk, and 10.0 GiB are free" in disk
    monkeypatch.setattr(hardware, "free_ram", lambda: None)
    assert len(refusal(WHOLE, None, tmp_path)) == 1


def test_a_container_has_less_ram_than_its_machine(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 64000 kB\nMemAvailable: 32000 kB\n")
    assert free_ram(meminfo, tmp_path) == 32000 * 1024
    for name, said in {"max": "16000000", "current": "9000000", "stat": "anon 1\ninactive_file 1000000\n"}.items():
        (tmp_path / f"memory.{name}").write_text(said)
    assert free_ram(meminfo, tmp_path) == 8000000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_ram(meminfo, tmp_path) == 32000 * 1024
    assert free_ram(tmp_path / "none") is None
