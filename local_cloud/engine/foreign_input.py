"""What the engine reads of anybody's is as large as it looks, and no deeper than it can walk.

LocalStack's parsers of requests and templates end in a ``RecursionError`` otherwise, or in memory.
"""

from __future__ import annotations

from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.chain import HandlerChain
from localstack.http import Response
from localstack.runtime import hooks

from local_aws import yaml_documents
from local_aws.json_text import is_deeper

#: Of a call of a JSON protocol; DynamoDB's items have 32, and others have fewer.
MOST_LEVELS = 500
_TARGET, _REFUSED = "X-Amz-Target", "SerializationException"


def refuse_deep_calls(chain: HandlerChain, context: RequestContext, response: Response) -> None:
    """Refuse a call of a JSON protocol whose body is nested too deeply, as one that is no JSON."""
    request = context.request
    if _TARGET not in request.headers or (request.content_length or 0) <= 2 * MOST_LEVELS:
        return
    if is_deeper(request.get_data(), MOST_LEVELS):
        words = f"The request has more than {MOST_LEVELS} levels"
        response.set_json({"__type": _REFUSED, "message": words})
        response.status_code = 400
        response.headers["Content-Type"] = "application/x-amz-json-1.0"
        response.headers["X-Amzn-ErrorType"] = _REFUSED
        chain.terminate()


@hooks.on_infra_start()
def bound_foreign_input() -> None:
    """Install the bounds."""
    yaml_documents.bound_all()
    handlers.preprocess_request.append(refuse_deep_calls)
