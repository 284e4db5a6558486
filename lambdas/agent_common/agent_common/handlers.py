"""What every workflow function does around its one job: structured logs, no secrets in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

Payload = dict[str, Any]


def workflow_function(
    run: Callable[[Payload], Payload],
) -> Callable[[Payload, LambdaContext], Payload]:
    """Make a Lambda handler of a function from payload to payload."""
    logger = Logger()

    @logger.inject_lambda_context
    def handler(event: Payload, context: LambdaContext) -> Payload:
        logger.append_keys(analysisId=event.get("analysisId"), turn=event.get("turn"))
        logger.info("started")
        result = run(event)
        logger.info("finished")
        return result

    return handler
