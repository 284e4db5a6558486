"""Sends a request that the engine was asked on to the part that answers it."""

import logging

import requests
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.http import Request, Response
from rolo.request import get_raw_path

from local_aws.credentials import SIGNED_FOR

LOG = logging.getLogger(__name__)

# A function may run for 15 minutes, Lambda's own limit.
ANSWER_TIMEOUT_SECONDS = 15 * 60 + 10
CONNECT_TIMEOUT_SECONDS = 5
_HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "keep-alive", "server", "date"}

#: Not 501: by that SAM refuses what it is asked in another way then.
_FAILED = (500, 502, 503, 504)


class Forwarder:
    """Forwards requests to one endpoint over kept-alive connections.

    Args:
        endpoint: ``http://host:port``.
        remedy: what a user does when it does not answer.
        host: by which name it is asked, where answers tell that.
    """

    def __init__(self, endpoint: str, remedy: str, host: str | None = None) -> None:
        self.host = host
        self.endpoint = endpoint.rstrip("/")
        self.remedy = remedy
        self.session = requests.Session()
        self.session.trust_env = False  # never by a proxy: the endpoint is local
        adapter = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=64)
        self.session.mount("http://", adapter)

    def send(self, context: RequestContext, without: str | None = None) -> requests.Response:
        """Return the endpoint's answer to the request.

        Args:
            without: a header, in lower case, that is left out.

        Raises:
            CommonServiceException: it does not answer, or fails by itself, as SAM may.
        """
        incoming = context.request
        headers = {
            name: value
            for name, value in incoming.headers.items()
            if name.lower() not in {*_HOP_BY_HOP, "host", without}
        }
        if self.host is not None:
            headers["Host"] = self.host
            headers[SIGNED_FOR] = _address(incoming)
        query = incoming.query_string.decode("latin-1")
        # As it was sent: decoded, a %3F or a %2F would make it another path.
        url = f"{self.endpoint}{get_raw_path(incoming)}" + (f"?{query}" if query else "")
        try:
            answer = self.session.request(
                incoming.method,
                url,
                data=incoming.get_data(),
                headers=headers,
                timeout=(CONNECT_TIMEOUT_SECONDS, ANSWER_TIMEOUT_SECONDS),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            LOG.warning("%s does not answer: %s", self.endpoint, error)
            raise CommonServiceException(
                "ServiceException",
                f"{self.endpoint} does not answer. Is it running? ({self.remedy})",
                status_code=500,
            ) from error
        named = answer.headers.get("X-Amzn-ErrorType", "")
        if answer.status_code in _FAILED and not named.endswith(("Exception", "Error")):
            # No words of Lambda's, who would be tried again: SAM's ("Service"), or its server's.
            LOG.warning("%s failed: %s %s", url, answer.status_code, answer.reason)
            raise CommonServiceException(
                "ServiceException",
                f"{self.endpoint} failed ({answer.status_code} {answer.reason}). Its log says why: "
                "./local-cloud logs lambda",
                status_code=500,
            )
        return answer


def _address(request: Request) -> str:
    """Return the URL of a request as it was sent."""
    query = request.query_string.decode("latin-1")
    return f"http://{request.host}{get_raw_path(request)}" + (f"?{query}" if query else "")


def to_response(answer: requests.Response) -> Response:
    """Return an endpoint's answer as the engine's own."""
    response = Response(answer.content, answer.status_code)
    for name, value in answer.headers.items():
        if name.lower() not in _HOP_BY_HOP:
            response.headers[name] = value
    return response
