"""What the chat page needs beside the WebSocket: where to log in, datasets, saved inputs."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local_cloud.console.aws_calls import AwsCalls
from local_cloud.installation import PROJECT

TEST_DATA = PROJECT / "config" / "test-data"
DATASETS = "causal-datasets"
MAX_UPLOAD = 20 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Chat:
    """Answers the chat page's questions.

    Args:
        gateway: ``http://host:port`` of the WebSocket gateway, as this process reaches it.
        websocket: ``ws://host:port``, as the browser reaches it.
    """

    def __init__(self, calls: AwsCalls, gateway: str, websocket: str) -> None:
        self.calls = calls
        self.gateway = gateway
        self.websocket = websocket

    async def settings(self, request: Request) -> Response:
        """Answer ``GET /api/chat``: the WebSocket's address, the app client, the datasets."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            pools = await self.calls.call("cognito-idp", "list_user_pools", MaxResults=60)
            pool = next(p["Id"] for p in pools["UserPools"] if p["Name"] == "causal-users")
            found = await self.calls.call(
                "cognito-idp", "list_user_pool_clients", UserPoolId=pool, MaxResults=60
            )
            clients = {c["ClientName"]: c["ClientId"] for c in found["UserPoolClients"]}
            listed = await self.calls.call(
                "s3", "list_objects_v2", Bucket=DATASETS, Prefix="shared/"
            )
        except (ClientError, BotoCoreError, StopIteration, KeyError) as error:
            words = f"The agent is not there: {error}. Run ./local-cloud provision."
            return JSONResponse({"error": words}, 503)
        keys = [item["Key"] for item in listed.get("Contents", [])]
        datasets = sorted(k.removeprefix("shared/")[:-4] for k in keys if k.endswith(".csv"))
        return JSONResponse(
            {"websocket": self.websocket, "clientId": clients["causal-web"], "datasets": datasets}
        )

    async def inputs(self, request: Request) -> Response:
        """Answer ``GET /api/inputs`` with the saved inputs of ``config/test-data/inputs``."""
        folder = TEST_DATA / "inputs"
        files = await asyncio.to_thread(lambda: sorted(folder.glob("*.json")))
        saved: dict[str, Any] = {}
        for file in files:
            saved[file.stem] = json.loads(await asyncio.to_thread(file.read_text))
        return JSONResponse({"inputs": saved})

    async def upload(self, request: Request) -> Response:
        """Answer ``POST /api/datasets?name=…``: put a CSV among the caller's own datasets.

        Whose they are, Cognito says: the access token is checked there.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        name = request.query_params.get("name", "")
        if not _NAME.fullmatch(name):
            return JSONResponse({"error": "A name is letters, digits, dashes."}, 400)
        if int(request.headers.get("content-length") or 0) > MAX_UPLOAD:
            return JSONResponse({"error": f"At most {MAX_UPLOAD >> 20} MB."}, 413)
        data = bytearray()
        async for chunk in request.stream():
            data += chunk
            if len(data) > MAX_UPLOAD:
                return JSONResponse({"error": f"At most {MAX_UPLOAD >> 20} MB."}, 413)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            user = await self.calls.call("cognito-idp", "get_user", AccessToken=token)
            subject = next(a["Value"] for a in user["UserAttributes"] if a["Name"] == "sub")
            await self.calls.call(
                "s3",
                "put_object",
                Bucket=DATASETS,
                Key=f"users/{subject}/{name}.csv",
                Body=bytes(data),
            )
        except (ClientError, BotoCoreError, StopIteration) as error:
            return JSONResponse({"error": f"The upload was refused: {error}"}, 403)
        return JSONResponse({"dataset": f"mine/{name}"})

    async def connections(self, request: Request) -> Response:
        """Answer ``GET /api/connections``: who is connected to the gateway."""
        async with httpx.AsyncClient(trust_env=False, timeout=3) as client:
            try:
                url = f"{self.gateway}/_gateway/connections"
                answer = await client.get(url, headers={"Host": "localhost"})
                return JSONResponse(answer.json())
            except (httpx.HTTPError, ValueError):
                return JSONResponse({"error": f"{self.gateway} does not answer."}, 503)
