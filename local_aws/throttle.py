"""Token buckets, as API Gateway throttles.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class TokenBucket:
    """Admits ``rate`` requests a second and bursts of ``burst``."""

    rate: float
    burst: int
    tokens: float = -1.0
    filled_at: float = 0.0

    def admits(self, now: float) -> bool:
        """Take a token if there is one. ``now`` is in seconds of any steady clock."""
        if self.tokens < 0:
            self.tokens = float(self.burst)
        else:
            self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.rate)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True
