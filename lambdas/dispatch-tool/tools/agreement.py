"""Whether the methods say the same, within what their errors allow."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from tools.estimators import Effect, Z, error_of
from tools.findings import WEAKENS, finding
from tools.study import Study

#: A difference of two estimates counts from so many of its own errors on, …
ERRORS = 2.58
#: … if it is also larger than this share of the larger estimate.
SHARE = 0.1
FLEXIBLE = "dml"
#: It adjusts for nothing: where it differs, that is confounding and no disagreement.
_UNADJUSTED = "difference_in_means"


def agreement(study: Study, effects: dict[str, Effect]) -> list[dict[str, Any]]:
    """Return the disagreements of methods that adjust for the same columns.

    The error of a difference comes from both methods' influences, since they use the same rows.
    """
    adjusted = {method: e for method, e in effects.items() if method != _UNADJUSTED}
    apart = [
        pair
        for pair in combinations(adjusted, 2)
        if _differ(study, adjusted[pair[0]], adjusted[pair[1]])
    ]
    linear = [pair for pair in apart if FLEXIBLE not in pair]
    flexible = [pair for pair in apart if FLEXIBLE in pair]
    findings = []
    if linear:
        names = list(dict.fromkeys(name for pair in linear for name in pair))
        words = ", ".join(f"{name} {adjusted[name].estimate:,.2f}" for name in names)
        signs = {adjusted[name].estimate > 0 for name in names}
        how = "even in sign" if len(signs) == 2 else "by more than their errors allow"
        text = f"Methods that adjust for the same columns differ {how}: {words}."
        findings.append(finding("agreement", WEAKENS, text))
    if flexible:
        others = [name for pair in flexible for name in pair if name != FLEXIBLE]
        words = ", ".join(f"{name} {adjusted[name].estimate:,.2f}" for name in others)
        text = (
            f"A flexible learner moves the answer to {adjusted[FLEXIBLE].estimate:,.2f} "
            f"({words} without): curves or interactions matter that the models lack."
        )
        findings.append(finding("functional_form", WEAKENS, text))
    return findings


def _differ(study: Study, one: Effect, other: Effect) -> bool:
    apart = abs(one.estimate - other.estimate)
    if apart > ERRORS * error_of(one.influence - other.influence, study):
        return apart > SHARE * max(abs(one.estimate), abs(other.estimate))
    opposite = (one.estimate > 0) != (other.estimate > 0)
    clear = any(abs(e.estimate) > Z * error_of(e.influence, study) for e in (one, other))
    return opposite and clear
