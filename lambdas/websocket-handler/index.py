"""The WebSocket API's one integration: who connects, and what they ask for."""

from typing import Any

from actions import ACTIONS, Caller
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from requests_in import credentials, parse_message
from responses import answer, error_answer

from agent_common import connections, tokens
from agent_common.errors import Unauthorized, UserError

logger = Logger()
Event = dict[str, Any]


@logger.inject_lambda_context
def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Answer one event of the WebSocket API."""
    connection_id = event["requestContext"]["connectionId"]
    logger.append_keys(connectionId=connection_id)
    match event["requestContext"]["eventType"]:
        case "CONNECT":
            return connect(connection_id, event)
        case "DISCONNECT":
            connections.delete(connection_id)
            return {"statusCode": 200}
        case _:
            return message(connection_id, event.get("body") or "")


def connect(connection_id: str, event: Event) -> dict[str, Any]:
    """Let in who brings a valid token; anyone else gets 401 before the upgrade."""
    try:
        token, headers = credentials(event)
        user = tokens.verify(token, tokens.configured_pool())
    except Unauthorized as error:
        logger.info("refused", extra={"reason": error.message})
        return {"statusCode": 401, "body": error.message}
    connections.put(connection_id, user)
    return {"statusCode": 200, "headers": headers}


def message(connection_id: str, body: str) -> dict[str, Any]:
    """Do what a message asks; what it asks wrongly is answered, never dropped."""
    request: dict[str, Any] = {}
    try:
        request = parse_message(body, ACTIONS)
        caller = Caller(connection_id, connections.user_of(connection_id))
        result = ACTIONS[request["action"]](caller, request)
    except UserError as error:
        return error_answer(error, request)
    return answer(result, request)
