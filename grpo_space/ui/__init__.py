"""The app: what people see of a run, and what they may do with it."""
