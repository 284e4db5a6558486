"""The scripted planner's closing words, made from the tools' numbers."""

from typing import Any

METHOD_NAMES = {
    "difference_in_means": "difference in means",
    "ols": "regression (OLS, robust errors)",
    "ipw": "inverse probability weighting",
    "aipw": "doubly robust (AIPW)",
}


def summarize(
    treatment: str,
    outcome: str,
    columns: list[dict[str, Any]],
    randomised: bool,
    headline: str,
    estimates: dict[str, dict[str, Any]],
    refutation: dict[str, Any],
    sensitivity: dict[str, Any],
) -> str:
    """Return a report of a few sentences for a reader who is no statistician."""
    main = estimates[headline]
    meaning = {c["name"]: c.get("description", "") for c in columns}
    low, high = main["ci_low"], main["ci_high"]
    clear = (low > 0) == (high > 0)
    direction = "raised" if main["estimate"] > 0 else "lowered"
    sentences = [
        f"{treatment} {direction} {outcome} by {abs(main['estimate']):,.2f} on average "
        f"({METHOD_NAMES[headline]}; 95% confidence interval {low:,.2f} to {high:,.2f}; "
        f"{main['n']} rows)."
    ]
    for name in (treatment, outcome):
        if meaning.get(name):
            sentences.append(f"{name}: {meaning[name]}.")
    sentences.append(
        "The interval excludes zero."
        if clear
        else "The interval includes zero: the data do not settle whether there is an effect."
    )
    others = [e["estimate"] for m, e in estimates.items() if m != headline]
    if others:
        sentences.append(f"The other methods give {min(others):,.2f} to {max(others):,.2f}.")
    if "error" not in refutation:
        failed = [name for name, check in refutation["checks"].items() if not check["passed"]]
        sentences.append(
            f"It did not stand up to: {', '.join(failed)}."
            if failed
            else "It stood up to every attempt to refute it."
        )
    if "error" not in sensitivity:
        sentences.append(
            f"E-value {sensitivity['e_value']:.2f} (interval {sensitivity['e_value_ci']:.2f}): an "
            "unmeasured confounder would have to be tied to both by a risk ratio that large."
        )
    sentences.append(
        "The treatment was assigned at random, so the comparison is a fair one."
        if randomised
        else "The treatment was not assigned at random: the result holds only if the columns "
        "adjusted for are all that matters."
    )
    return " ".join(sentences)
