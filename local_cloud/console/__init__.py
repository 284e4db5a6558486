"""Step Functions Local on one port: the API, answered by the engine, and a health page."""
