"""A model server on loopback that speaks OpenAI's chat completions and Anthropic's messages, well or badly.

with LlmServer(answers(candidate="c2")) as server:
    provider = server.provider("openai")
    server.bodies                  # every request body it got
    server.reply = hangs           # from now on
"""

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from aiops.core.llm import LlmProvider

DRIP_S = 0.02
KEY = "sk-canary-0123456789abcdef"


@dataclass(frozen=True)
class Request:
    """What a model is asked, whichever protocol it came by."""

    kind: str
    instructions: str
    text: str
    tools: tuple[str, ...]
    read: tuple[str, ...]  # what its tools answered so far
    body: Mapping[str, Any]
    headers: Mapping[str, str]


Reply = Callable[[Request, "Handler"], None]


def answers(**answer: Any) -> Reply:
    """The typed answer asked for, with sensible values where none are given."""
    return lambda request, handler: handler.calls("answer", usual(request) | answer)


def picks(action_class: str, **answer: Any) -> Reply:
    """Chooses the offered candidate of that class; tells people where none is offered."""

    def reply(request: Request, handler: "Handler") -> None:
        handler.calls("answer", usual(request) | {"candidate": offered(request).get(action_class, "c1")} | answer)

    return reply


def offered(request: Request) -> dict[str, str]:
    """The candidates of a prompt: class to id."""
    found = re.findall(r'^(c\d+):\n<data-\w+ kind="candidate">\n\{"class": "(\w+)"', request.text, re.MULTILINE)
    return {action_class: id for id, action_class in reversed(found)}


def usual(request: Request) -> dict[str, Any]:
    answer: dict[str, Any] = {"candidate": "c1", "reasoning": "The evidence says so.", "confidence": 0.8, "evidence": []}
    if "You are the critic" in request.instructions:
        answer["challenges"] = ["What if it is something else?"]
    if "You are the coordinator" in request.instructions:
        answer["answers"] = ["The evidence shows no other cause."]
    return answer


def by_role(**replies: Reply) -> Reply:
    """One reply for each role, found by its name in the instructions; `other` for those not named."""

    def reply(request: Request, handler: "Handler") -> None:
        role = next((name for name in replies if f"You are the {name}" in request.instructions), "other")
        replies.get(role, answers())(request, handler)

    return reply


def looks_up(*tools: str, then: Reply) -> Reply:
    """Calls these tools, one a turn, before it answers."""

    def reply(request: Request, handler: "Handler") -> None:
        if len(request.read) < len(tools):
            handler.calls(tools[len(request.read)], {})
        else:
            then(request, handler)

    return reply


def says(text: str) -> Reply:
    """Talks instead of answering in the form asked for."""
    return lambda request, handler: handler.says(text)


def sends(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    return lambda request, handler: handler.sends(status, body, headers or {})


def fails(status: int) -> Reply:
    """An error whose text repeats the key, as some servers do."""
    return sends(json.dumps({"error": {"message": f"no: {KEY}", "type": "server_error"}}).encode(), status=status)


def refuses(request: Request, handler: "Handler") -> None:
    handler.refuses()


def hangs(request: Request, handler: "Handler") -> None:
    handler.server_over().wait()


def drips(request: Request, handler: "Handler") -> None:
    """Headers at once, then a byte now and then, for ever."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    while not handler.server_over().wait(DRIP_S):
        handler.wfile.write(b" ")
        handler.wfile.flush()


class LlmServer:
    """Serves until the block ends, on a free port. What it was asked is in `requests`."""

    def __init__(self, reply: Reply | None = None) -> None:
        self.reply: Reply = reply or answers()
        self.requests: list[Request] = []
        self.over = threading.Event()
        owner = self

        class Bound(Handler):
            llm = owner

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self._http.daemon_threads = True
        self._http.block_on_close = False

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def bodies(self) -> list[Mapping[str, Any]]:
        return [request.body for request in self.requests]

    def provider(self, kind: str = "openai", **fields: Any) -> LlmProvider:
        defaults = {"name": f"fake-{kind}", "kind": kind, "model": "tester-1", "api_key": KEY}
        url = f"{self.origin}/v1" if kind == "openai" else self.origin
        return LlmProvider.model_validate(defaults | {"base_url": url} | fields)

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._http.shutdown()
        self._http.server_close()


class Handler(BaseHTTPRequestHandler):
    """One connection. The protocol of an answer is that of the question."""

    protocol_version = "HTTP/1.1"
    llm: LlmServer
    request_read: Request

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        reading = _of_openai if self.path.endswith("/chat/completions") else _of_anthropic
        self.request_read = reading(body, dict(self.headers))
        self.llm.requests.append(self.request_read)
        try:
            self.llm.reply(self.request_read, self)
        except OSError:
            self.close_connection = True  # whoever asked has gone

    def server_over(self) -> threading.Event:
        return self.llm.over

    def sends(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | dict(headers)).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def calls(self, tool: str, arguments: Mapping[str, Any] | str) -> None:
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        if self.request_read.kind == "openai":
            call = {"id": f"t{len(self.llm.requests)}", "type": "function", "function": {"name": tool, "arguments": text}}
            self._openai({"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls")
        else:
            given = arguments if not isinstance(arguments, str) else {"text": arguments}
            block = {"type": "tool_use", "id": f"t{len(self.llm.requests)}", "name": tool, "input": given}
            self._anthropic([block], "tool_use")

    def says(self, text: str) -> None:
        if self.request_read.kind == "openai":
            self._openai({"role": "assistant", "content": text}, "stop")
        else:
            self._anthropic([{"type": "text", "text": text}], "end_turn")

    def refuses(self) -> None:
        if self.request_read.kind == "openai":
            self._openai({"role": "assistant", "content": None, "refusal": "I cannot help with that."}, "stop")
        else:
            self._anthropic([], "refusal")

    def _openai(self, message: Mapping[str, Any], reason: str) -> None:
        usage = {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050}
        choice = {"index": 0, "finish_reason": reason, "message": message}
        whole = {"id": "x", "object": "chat.completion", "created": 1, "model": "tester-1", "choices": [choice], "usage": usage}
        self.sends(200, json.dumps(whole).encode(), {})

    def _anthropic(self, content: list[dict[str, Any]], reason: str) -> None:
        whole = {
            "id": "x", "type": "message", "role": "assistant", "model": "tester-1", "content": content,
            "stop_reason": reason, "stop_sequence": None, "usage": {"input_tokens": 1000, "output_tokens": 50},
        }  # fmt: skip
        self.sends(200, json.dumps(whole).encode(), {})


def _of_openai(body: Mapping[str, Any], headers: Mapping[str, str]) -> Request:
    def texts(*roles: str) -> list[str]:
        return [_flat(message["content"]) for message in body["messages"] if message["role"] in roles]

    return Request(
        kind="openai",
        instructions="\n".join(texts("system", "developer")),
        text="\n".join(texts("user")),
        tools=tuple(tool["function"]["name"] for tool in body.get("tools", ())),
        read=tuple(texts("tool")),
        body=body,
        headers=headers,
    )


def _of_anthropic(body: Mapping[str, Any], headers: Mapping[str, str]) -> Request:
    blocks = [block for m in body["messages"] if m["role"] == "user" for block in _blocks(m["content"])]
    return Request(
        kind="anthropic",
        instructions=_flat(body.get("system", "")),
        text="\n".join(block["text"] for block in blocks if block["type"] == "text"),
        tools=tuple(tool["name"] for tool in body.get("tools", ())),
        read=tuple(_flat(block.get("content", "")) for block in blocks if block["type"] == "tool_result"),
        body=body,
        headers=headers,
    )


def _blocks(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _flat(content: Any) -> str:
    return "\n".join(block.get("text", "") for block in _blocks(content or ""))
