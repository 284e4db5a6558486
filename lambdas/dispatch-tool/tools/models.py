"""The models that estimates and their diagnostics share."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.discrete.discrete_model import Logit
from statsmodels.tools.sm_exceptions import PerfectSeparationError, PerfectSeparationWarning

from tools.dataset import Study, ToolError


def fit_assignment(study: Study, design: pd.DataFrame) -> Any:
    """Return the logit of who is treated.

    Raises:
        ToolError: it cannot be fitted, since the covariates tell exactly who is.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", PerfectSeparationWarning)
        try:
            assignment = Logit(study.treated, design).fit(disp=False, tol=1e-12, maxiter=100)
        except (PerfectSeparationWarning, PerfectSeparationError) as error:
            raise ToolError(
                "The covariates tell exactly who is treated: no two comparable rows"
            ) from error
    if not assignment.mle_retvals["converged"]:
        raise ToolError("The model of who is treated does not converge")
    return assignment


def design_matrix(study: Study, *, with_treatment: bool) -> pd.DataFrame:
    """Return the columns that a model uses, covariates scaled to mean 0 and deviation 1.

    The scale changes no estimate. It does change the GMM errors of IPW and AIPW: their numeric
    derivatives lose digits where one column counts thousands and another is 0/1.
    """
    covariates = study.frame[study.covariates]
    design = (covariates - covariates.mean()) / covariates.std()
    design.insert(0, "const", 1.0)
    if with_treatment:
        design[study.treatment] = study.treated
    if np.linalg.matrix_rank(design.to_numpy()) < design.shape[1]:
        raise ToolError(
            "The columns to adjust for are not independent: one follows from the others"
        )
    return design
