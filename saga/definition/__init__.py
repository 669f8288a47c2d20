"""Room: definition."""
