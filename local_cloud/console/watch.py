"""Pushes what changes to the console's pages, as server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from local_cloud.console.aws_calls import AwsCalls, explain, plain

LOOK_SECONDS = 0.3
PAGE = 1000
NEWS = 30
MOST_EXECUTIONS = 2 * PAGE
ENDED = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}


class Watch:
    """Looks at executions for as long as a page shows them.

    Step Functions tells nobody of a change, so that it is asked again and again; only what is new
    goes to the page.
    """

    def __init__(self, calls: AwsCalls) -> None:
        self.calls = calls

    async def answer(self, request: Request) -> Response:
        """Answer ``GET /api/watch?execution=ARN`` or ``GET /api/watch`` (the lists)."""
        arn = request.query_params.get("execution")
        source = self._execution(arn) if arn else self._executions()
        return StreamingResponse(
            self._events(request, source),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store"},
        )

    async def _events(
        self, request: Request, source: AsyncIterator[tuple[str, Any]]
    ) -> AsyncIterator[str]:
        async for name, data in source:
            if await request.is_disconnected():
                return
            yield f"event: {name}\ndata: {json.dumps(data, default=plain)}\n\n"

    async def _execution(self, arn: str) -> AsyncIterator[tuple[str, Any]]:
        last = 0
        described: dict[str, Any] | None = None
        while True:
            try:
                found = await self.calls.call(
                    "stepfunctions", "describe_execution", executionArn=arn
                )
                events = await self._history(arn, last)
            except Exception as error:  # noqa: BLE001 - whatever it is, the page is told
                yield "problem", {"error": explain(error)[1]}
                await asyncio.sleep(2)
                continue
            if events:
                last = events[-1]["id"]
                yield "history", events
            if found != described:
                described = found
                yield "execution", found
            # What has ended is looked at seldom: it may be redriven.
            await asyncio.sleep(2 if found["status"] in ENDED and not events else LOOK_SECONDS)

    async def _history(self, arn: str, last: int) -> list[dict[str, Any]]:
        """Return the events after ``last``, first to last."""
        found: list[dict[str, Any]] = []
        # Of a running execution a look finds little that is new, and seldom more than a page.
        more: dict[str, Any] = {"maxResults": NEWS if last else PAGE}
        while True:
            page = await self.calls.call(
                "stepfunctions",
                "get_execution_history",
                executionArn=arn,
                reverseOrder=True,
                **more,
            )
            found += [event for event in page["events"] if event["id"] > last]
            if not page.get("nextToken") or not found or found[-1]["id"] == last + 1:
                break
            more = {"maxResults": PAGE, "nextToken": page["nextToken"]}
        return sorted(found, key=lambda event: int(event["id"]))

    async def _executions(self) -> AsyncIterator[tuple[str, Any]]:
        shown: Any = None
        while True:
            try:
                lists = await self._lists()
            except Exception as error:  # noqa: BLE001 - whatever it is, the page is told
                shown = None
                yield "problem", {"error": explain(error)[1]}
                await asyncio.sleep(2)
                continue
            if lists != shown:
                shown = lists
                yield "executions", lists
            await asyncio.sleep(1)

    async def _lists(self) -> dict[str, Any]:
        call = self.calls.call
        machines = (await call("stepfunctions", "list_state_machines"))["stateMachines"]
        executions: list[dict[str, Any]] = []
        more = False
        for machine in machines:
            arguments: dict[str, Any] = {"stateMachineArn": machine["stateMachineArn"]}
            while True:
                page = await call("stepfunctions", "list_executions", maxResults=PAGE, **arguments)
                executions += page["executions"]
                if not page.get("nextToken"):
                    break
                if len(executions) >= MOST_EXECUTIONS:
                    more = True
                    break
                arguments["nextToken"] = page["nextToken"]
        return {"stateMachines": machines, "executions": executions, "more": more}
