"""Room: embedded."""
