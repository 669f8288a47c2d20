"""Room: sdk/barrier."""
