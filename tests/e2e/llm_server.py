"""A server that speaks OpenAI's chat completions and does what the question says."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SILENCE_SECONDS = 10


class LlmServer(ThreadingHTTPServer):
    """Serves on a free port of 127.0.0.1 until closed; ``requests`` holds what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: LlmServer

    def log_message(self, *_: object) -> None: ...

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)
        self.server.keys.add(self.headers["Authorization"])
        question = next(m["content"] for m in body["messages"] if m["role"] == "user")
        word = question.split()[0]
        if word == "unreachable":
            self.connection.close()
        elif word == "hang":
            time.sleep(SILENCE_SECONDS)
        elif word == "refuse":
            self._answer(401, b'{"error": {"message": "bad key"}}')
        elif word == "overloaded":
            self._answer(503, b'{"error": {"message": "later"}}')
        elif word == "html":
            self._answer(200, b"<html>a proxy's login page</html>")
        elif word == "falter" and len(self.server.requests) == 1:
            self._stream([{"content": "The head of "}, {"content": "try one"}], whole=False)
        elif word == "falter":
            self._stream([{"content": "The head of "}, {"content": "try two, and its tail"}])
        elif word == "silent":
            self._stream([{"content": ""}])
        elif word == "babble":
            self._stream([_call(0, "c1", "no_such_tool", "{not json")], body)
        elif word == "do":
            self._stream(_told(body, question))
        else:
            self._stream(_plan(body))

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(
        self,
        deltas: list[dict[str, Any]],
        body: dict[str, Any] | None = None,
        *,
        whole: bool = True,
    ) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        if body is not None and _answered(body):
            # Told what was wrong, it gives up in words.
            deltas = [{"content": f"I was told: {body['messages'][-1]['content']}"}]
        for number, delta in enumerate(deltas, 1):
            reason = "stop" if whole and number == len(deltas) else None
            chunk = {
                "id": "x",
                "object": "chat.completion.chunk",
                "created": 0,
                "model": "test",
                "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
            }
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            if not whole:  # a piece at a time, as slowly as the agent passes them on
                self.wfile.flush()
                time.sleep(0.15)
        if whole:
            self.wfile.write(b"data: [DONE]\n\n")


def _answered(body: dict[str, Any]) -> bool:
    return bool(body["messages"][-1]["role"] == "tool")


def _call(index: int, id_: str, name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"tool_calls": [{"index": index, "id": id_, "type": "function", "function": function}]}


def _told(body: dict[str, Any], question: str) -> list[dict[str, Any]]:
    """Do the calls that the question lists, one after the other, and claim that all is well."""
    # The agent writes about the dataset below the question.
    calls, _ = json.JSONDecoder().raw_decode(question.removeprefix("do "))
    done = sum(m["role"] == "tool" for m in body["messages"])
    if done < len(calls):
        name, arguments = calls[done]
        return [_call(0, f"c{done}", name, json.dumps(arguments))]
    return [_call(0, "last", "finish", json.dumps({"summary": "All is well."}))]


def _plan(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Two tools at once, then a report with what they answered; arguments in two pieces."""
    outputs = {m["tool_call_id"]: m["content"] for m in body["messages"] if m["role"] == "tool"}
    if not outputs:
        effect = json.dumps(
            {"treatment": "treat", "outcome": "re78", "methods": ["difference_in_means"]}
        )
        return [
            {"content": "Let me "},
            {"content": "look."},
            _call(0, "c1", "profile_dataset", "{}"),
            _call(1, "c2", "estimate_effect", effect[:20]),
            {"tool_calls": [{"index": 1, "function": {"arguments": effect[20:]}}]},
        ]
    estimate = json.loads(outputs["c2"])["estimates"]["difference_in_means"]["estimate"]
    return [_call(0, "c3", "finish", json.dumps({"summary": f"The effect is {estimate:.2f}."}))]
