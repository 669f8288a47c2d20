"""Room: transport."""
