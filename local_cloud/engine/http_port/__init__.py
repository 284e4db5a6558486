"""The engine's port: HTTP/1.1 by a thread for each connection, and all else by Twisted.

LocalStack serves by Twisted alone, in which three quarters of the time of a small call go by: its
parser is Python, and each request passes from its thread to another one and back twice. Its import
takes a quarter of LocalStack's start. Here a connection's own thread reads a request, answers it,
and writes the answer. A connection that begins otherwise (TLS, HTTP/2, a WebSocket) is given to
Twisted, which is loaded then.
"""
