"""GRPO Space: train a small language model to reason, and see whether it worked."""
