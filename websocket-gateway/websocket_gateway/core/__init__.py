"""What the gateway decides. It owns no socket, thread or process and speaks no HTTP.

Whatever it needs of the world — a function's answer, an HTTP endpoint's, the time, a pause — it
asks of a :class:`.backend.Backend`, so that every rule can be tested with plain values.
"""
