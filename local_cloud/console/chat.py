"""What the chat page needs beside the WebSocket: where to log in, and datasets."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local_aws.account import ACCOUNT_ID, REGION
from local_cloud.console.aws_calls import AwsCalls

DATASETS = "causal-datasets"
WORKFLOW = "agent-workflow"
MAX_UPLOAD = 20 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Chat:
    """Answers the chat page's questions.

    Args:
        websocket: ``ws://host:port``, as the browser reaches it.
    """

    def __init__(self, calls: AwsCalls, websocket: str) -> None:
        self.calls = calls
        self.websocket = websocket

    async def settings(self, request: Request) -> Response:
        """Answer ``GET /api/chat``: the WebSocket's address, the app client, the datasets.

        ``executions`` is the beginning of an analysis' execution ARN; its id follows.
        """
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
            {
                "websocket": self.websocket,
                "clientId": clients["causal-web"],
                "datasets": datasets,
                "executions": f"arn:aws:states:{REGION}:{ACCOUNT_ID}:execution:{WORKFLOW}:",
            }
        )

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
