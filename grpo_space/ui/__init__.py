"""The app: what a person sees of presets, runs and comparisons."""
