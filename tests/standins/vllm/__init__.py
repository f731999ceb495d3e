"""A vLLM that cannot be imported, or one that takes the process with it. STANDIN_VLLM says which."""

import os

if os.environ["STANDIN_VLLM"] == "dies":
    os.abort()
raise ImportError("libcudart.so.12: cannot open shared object file")
