/** The methods: their names, and what each does, in words. */

export const NAMES: Record<string, string> = {
  difference_in_means: "Difference in means",
  ols: "OLS",
  standardization: "Standardization",
  ipw: "IPW",
  aipw: "AIPW",
  dml: "DML",
  "2sls": "2SLS",
};

export const methodName = (method: string) => NAMES[method] ?? method;

export const IN_WORDS: Record<string, string> = {
  difference_in_means:
    "The mean of the treated minus the mean of the others. Right in an experiment; elsewhere it mixes the effect with whatever made people take the treatment.",
  ols: "Least squares on treatment and covariates with robust errors. It takes the effect to be one number and the covariates to act in straight lines.",
  standardization:
    "A regression says what each row's outcome would be with and without treatment; the estimate is the mean of the difference (the g-formula).",
  ipw: "Each row is weighted by the inverse of its probability of the treatment it had, so that both groups look like everybody.",
  aipw: "Regression and weighting together (doubly robust): right when either of the two models is.",
  dml: "Doubly robust with boosted trees instead of straight lines, each row predicted by trees that did not see it (double machine learning).",
  "2sls":
    "Two-stage least squares: only the part of the treatment that the instrument moves is used. Right if the instrument reaches the outcome through the treatment alone.",
};
