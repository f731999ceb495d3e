"""An app started as a Space, and one on this machine with a password."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grpo_space.presets import read_preset
from grpo_space.runs.run import Run, create_run
from tests.support.fake_worker import with_adapter
from tests.support.hostile import HOST
from tests.support.processes import ROOT
from tests.support.served import Served
from tests.support.sign_in import SPACE

NAMES = str(ROOT / "tests" / "support" / "names")


@pytest.fixture(scope="module")
def run(shared_runs: Path) -> Run:
    """A run of the owner's that is done."""
    return with_adapter(create_run(read_preset("tiny").run))


@pytest.fixture(scope="module")
def space(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Ada's Space."""
    temporary = str(tmp_path_factory.mktemp("gradio"))
    served = Served(0, SPACE_HOST=HOST, GRADIO_TEMP_DIR=temporary, PYTHONPATH=NAMES, **SPACE)
    yield served
    served.close()


@pytest.fixture(scope="module")
def locked(shared_runs: Path) -> Iterator[Served]:
    """An app that asks for a password."""
    served = Served(0, GRPO_SPACE_PASSWORD="correct horse")
    yield served
    served.close()


@pytest.fixture(scope="module")
def alone(shared_runs: Path) -> Iterator[Served]:
    """An app on this machine, for whoever is at it."""
    served = Served(0)
    yield served
    served.close()
