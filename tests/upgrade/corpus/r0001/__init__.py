"""Definitions and messages as they were when this release was recorded; never changed."""
