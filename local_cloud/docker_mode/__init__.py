"""The Docker mode: Compose runs the engine, the console and the gateway; SAM the functions."""
