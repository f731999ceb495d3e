"""Compiles the Triton kernels of runs for a T4 (compute capability 7.5, 64 KiB of shared memory), without a GPU.

    python -m benchmarks.gpu.compile_for_t4 FOLDER [RESULT.json]

With the pinned Triton. FOLDER holds what runs compiled, at any depth: `.compiled` beside the runs, or the folder given
to `--caches`; of it only the `*.ttir` files and the `*.json` beside them are read. Exit status 1 where a kernel does
not compile or needs more than a T4 has, or none is found.
"""

import argparse
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

COMPUTE_CAPABILITY = 75
MOST_SHARED_BYTES = 64 * 2**10
"""Shared memory that a T4 gives one block of threads."""
NEWER_CARDS = re.compile(r"^.*(?:griddepcontrol|gdc_).*\n", re.MULTILINE)
"""Lines of compute capability 9.0, with which a kernel lets the next one begin: a T4's do not have them."""
FITS = "fits"


@dataclass(frozen=True)
class Kernel:
    """A kernel as Triton's compiler has it before it knows the card."""

    name: str
    ir: str
    num_warps: int
    num_stages: int


def kernels(folder: Path) -> Iterator[Kernel]:
    """The different kernels below a folder."""
    seen = set()
    for file in sorted(folder.rglob("*.ttir")):
        about = file.with_suffix(".json")
        options = json.loads(about.read_text(encoding="utf-8")) if about.is_file() else {}
        ir = NEWER_CARDS.sub("", file.read_text(encoding="utf-8"))
        kernel = Kernel(file.stem, ir, options.get("num_warps", 4), options.get("num_stages", 2))
        if kernel not in seen:
            seen.add(kernel)
            yield kernel


def compile_kernel(kernel: Kernel) -> tuple[str, int]:
    """How a kernel fares on a T4, `fits` or why not, and the bytes of shared memory that it needs."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import compile as compile_ir

    options = {"num_warps": kernel.num_warps, "num_stages": kernel.num_stages}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TRITON_CACHE_DIR"] = folder
        file = Path(folder) / f"{kernel.name}.ttir"
        file.write_text(kernel.ir, encoding="utf-8")
        try:
            made = compile_ir(str(file), target=GPUTarget("cuda", COMPUTE_CAPABILITY, 32), options=options)
        except Exception as error:  # whatever is wrong is what is asked for
            return f"does not compile: {type(error).__name__}: {str(error)[:200]}", 0
    shared = int(made.metadata.shared)
    return (FITS if shared <= MOST_SHARED_BYTES else "needs too much shared memory"), shared


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("result", type=Path, nargs="?")
    arguments = parser.parse_args()
    found = list(kernels(arguments.folder))
    with ProcessPoolExecutor() as side_by_side:
        fates = list(side_by_side.map(compile_kernel, found))
    for kernel, (fate, shared) in zip(found, fates, strict=True):
        if fate != FITS:
            print(f"{kernel.name}: {fate} ({shared} bytes of shared memory)")
    counts = Counter(fate.partition(":")[0] for fate, _ in fates)
    most = max((shared for _, shared in fates), default=0)
    print(
        f"{counts[FITS]} of {len(found)} kernels fit a T4, with at most {most} bytes of shared memory: {dict(counts)}"
    )
    if arguments.result:
        figures = {"kernels": len(found), "fates": dict(counts), "most_shared_bytes": most}
        arguments.result.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return int(not found or counts[FITS] < len(found))


if __name__ == "__main__":
    sys.exit(main())
