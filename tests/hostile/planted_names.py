"""The defects of planted.py by name, for whoever must not import them."""

DEFECTS = ("", "leak", "swallow", "raise", "fault", "cross", "canary")
