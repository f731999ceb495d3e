"""A simulated Space on paid hardware: the app sees a T4, its workers do not, and the minute to keep it awake is short.

python -m tests.support.paid_space
"""

import os
import stat
from pathlib import Path

from grpo_space.ui.app import serve
from grpo_space.ui.train import when_done
from tests.support.served import Served
from tests.support.sign_in import SPACE

NVIDIA_SMI = """#!/bin/sh
[ -n "$SIMULATED_GPU_SECRET" ] || exit 1  # workers are started without what is called a secret
echo "Tesla T4, 15360, 550.54.15, 7.5"
"""


class PaidSpace(Served):
    """Ada's Space on a T4. `folder`: where the driver's program is put, searched first."""

    program = ("-m", "tests.support.paid_space")

    def __init__(
        self, folder: Path, awake_seconds: float, save_seconds: float = 600, port: int = 0, **environment: str
    ) -> None:
        driver = folder / "nvidia-smi"
        driver.write_text(NVIDIA_SMI)
        driver.chmod(driver.stat().st_mode | stat.S_IXUSR)
        own = {"PATH": f"{folder}:{os.environ['PATH']}", "SIMULATED_GPU_SECRET": "no secret", "HF_HUB_OFFLINE": "0"}
        own |= {"AWAKE_SECONDS": str(awake_seconds), "SAVE_SECONDS": str(save_seconds)}
        super().__init__(port, **{**own, **SPACE, **environment})


if __name__ == "__main__":
    when_done.AWAKE_SECONDS = float(os.environ["AWAKE_SECONDS"])
    when_done.SAVE_SECONDS = float(os.environ["SAVE_SECONDS"])
    serve()
