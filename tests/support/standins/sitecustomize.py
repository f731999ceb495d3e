"""Beside a stand-in for nvidia-smi: the torch of these tests is built for CPUs, and a GPU's would not be."""

from grpo_space.planning import hardware

hardware.torch_cuda = lambda: "12.8"
