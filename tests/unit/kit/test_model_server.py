"""A conversation of Bedrock's, at a server that speaks OpenAI's chat completions."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local_cloud.engine.caller import Caller
from local_cloud.engine.model.models_file import WrongModels, read
from local_cloud.engine.model.openai_compatible import OpenAiCompatible
from local_cloud.engine.model.pieces import (
    Asked,
    Begun,
    ModelFailed,
    Piece,
    Stop,
    Text,
    Thought,
    ToolInput,
    ToolUse,
)
from local_cloud.engine.model.way import Way
from tests.models import user


class Server(ThreadingHTTPServer):
    """Answers with these chunks, or with a status."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.chunks: list[Any] = []
        self.status = 200
        self.asked: dict[str, Any] = {}
        self.authorization: str | None = None
        self.path = ""
        self.proxy_authorization: str | None = None
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None: ...

    def do_POST(self) -> None:
        self.server.path = self.path
        self.server.proxy_authorization = self.headers["Proxy-Authorization"]
        self.server.asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.authorization = self.headers["Authorization"]
        self.send_response(self.server.status)
        self.end_headers()
        for chunk in self.server.chunks:
            text = chunk if isinstance(chunk, str) else json.dumps(chunk)
            self.wfile.write(f"data: {text}\n\n".encode())


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.shutdown()
    made.server_close()


def ask(server: Server, asked: Asked | None = None, key: str | None = None) -> list[Piece]:
    model = OpenAiCompatible(f"http://127.0.0.1:{server.server_port}/v1/", "small", key, 5.0)
    begun, *said = model.answer(asked or Asked("m", [user("hello")]), Caller())
    assert begun == Begun()
    return [piece for piece in said if not isinstance(piece, Begun)]


def delta(**more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": more, "finish_reason": None}]}


def end(reason: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def call(index: int, **more: Any) -> dict[str, Any]:
    return delta(tool_calls=[{"index": index, **more}])


def test_words_and_calls_come_piece_by_piece_with_the_servers_usage(server: Server) -> None:
    server.chunks = [
        delta(role="assistant", content=""),
        delta(reasoning_content="Hm. "),
        delta(reasoning="So."),
        delta(content="Let "),
        delta(content="me look."),
        call(0, id="a", function={"name": "weather", "arguments": ""}),
        call(0, function={"arguments": '{"city": '}),
        call(0, function={"arguments": '"Oslo"}'}),
        call(1, id="b", function={"name": "time", "arguments": "{}"}),
        end("tool_calls"),
        {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 9}},
        "[DONE]",
    ]
    assert ask(server, key="secret") == [
        Thought("Hm. "),
        Thought("So."),
        Text("Let "),
        Text("me look."),
        ToolUse("a", "weather"),
        ToolInput('{"city": '),
        ToolInput('"Oslo"}'),
        ToolUse("b", "time"),
        ToolInput("{}"),
        Stop("tool_use", 7, 9),
    ]
    assert server.authorization == "Bearer secret"
    assert server.path == "/v1/chat/completions"
    assert server.asked["model"] == "small"


def test_a_conversation_is_told_in_openais_form(server: Server) -> None:
    server.chunks = [delta(content="x"), end("length")]
    use = {"toolUse": {"toolUseId": "a", "name": "weather", "input": {"city": "Oslo"}}}
    result = {"toolResult": {"toolUseId": "a", "content": [{"json": {"degrees": 7}}]}}
    image = {"image": {"format": "png", "source": {"bytes": "QUJD"}}}
    asked = Asked(
        "m",
        [
            user("weather?"),
            {"role": "assistant", "content": [{"text": "Well."}, use]},
            {"role": "user", "content": [result, image, {"text": "And?"}]},
        ],
        ["Be brief."],
        [{"name": "weather", "inputSchema": {"json": {"type": "object"}}}],
        {"any": {}},
        {"maxTokens": 5, "topP": 0.5, "stopSequences": ["x"], "temperature": 0},
    )
    assert ask(server, asked)[-1] == Stop("max_tokens")
    told = server.asked
    assert told["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "weather?"},
        {
            "role": "assistant",
            "content": "Well.",
            "tool_calls": [
                {
                    "id": "a",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": '{"degrees": 7}'},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
                {"type": "text", "text": "And?"},
            ],
        },
    ]
    assert (told["max_tokens"], told["top_p"], told["stop"]) == (5, 0.5, ["x"])
    assert told["tool_choice"] == "required"
    assert told["tools"][0]["function"]["parameters"] == {"type": "object"}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "ValidationException"),
        (401, "AccessDeniedException"),
        (429, "ThrottlingException"),
        (503, "ServiceUnavailableException"),
        (500, "ModelErrorException"),
    ],
)
def test_a_servers_refusal_is_one_of_bedrocks(server: Server, status: int, code: str) -> None:
    server.status = status
    with pytest.raises(ModelFailed) as failed:
        ask(server)
    assert failed.value.code == code


@pytest.mark.parametrize("chunks", [[delta(content="x")], [delta(content="x"), "no JSON"]])
def test_an_answer_that_breaks_off_is_told(server: Server, chunks: list[Any]) -> None:
    server.chunks = chunks
    with pytest.raises(ModelFailed) as failed:
        ask(server)
    assert failed.value.code == "ModelStreamErrorException"


def test_a_server_that_is_not_there_is_told(server: Server) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(ModelFailed) as failed:
        ask(server)
    assert failed.value.code == "ServiceUnavailableException"


@pytest.fixture
def proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of a proxy that the environment names for all that is not here."""
    for name in ("no_proxy", "NO_PROXY", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("all_proxy", f"http://me:my%20word@127.0.0.1:{server.server_port}")
    return f"127.0.0.1:{server.server_port}"


def test_a_server_is_reached_by_the_environments_proxy(server: Server, proxy: str) -> None:
    server.chunks = [delta(content="x"), end("stop")]
    model = OpenAiCompatible("http://models.example/v1?v=1", "small")
    heard = list(model.answer(Asked("m", [user("hello")]), Caller()))
    assert heard == [Begun(), Text("x"), Stop("end_turn")]
    assert server.path == "http://models.example/v1/chat/completions?v=1"
    assert server.proxy_authorization == "Basic bWU6bXkgd29yZA=="


def test_no_proxy_leads_to_this_machine_and_a_tunnel_to_https(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Way.to("http://127.0.0.1:11434/v1/chat/completions")
    assert (here.host, here.port, here.target) == ("127.0.0.1", 11434, "/v1/chat/completions")
    far = Way.to("https://models.example/v1/chat/completions")
    assert (f"{far.host}:{far.port}", far.tunnel) == (proxy, ("models.example", 443))
    assert (far.target, far.headers) == ("/v1/chat/completions", {})
    monkeypatch.setenv("no_proxy", "models.example")
    assert Way.to("https://models.example/").tunnel is None
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:1080")
    with pytest.raises(ValueError, match="socks5"):
        Way.to("https://models.example/")
    with pytest.raises(ValueError, match="names no host"):
        Way.to("http:///v1")


def test_a_key_that_no_header_may_have_is_refused_and_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "models.yaml"
    entry = {"match": "*", "answer": "openai", "base_url": "http://127.0.0.1:1/v1", "model": "x"}
    path.write_text(json.dumps({"models": [{**entry, "api_key_variable": "MODEL_KEY"}]}))
    monkeypatch.setenv("MODEL_KEY", "hush\nhush")
    with pytest.raises(WrongModels, match="MODEL_KEY is no key") as wrong:
        read(path)
    assert "hush" not in str(wrong.value)
    monkeypatch.setenv("MODEL_KEY", "hush\n")
    assert [match for match, _ in read(path)] == ["*"]
