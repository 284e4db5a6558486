"""Errors that a user is told about: a code, a sentence, and what to do where that helps."""


class UserError(Exception):
    """Something that the user asked for cannot be done. ``code`` is for programs."""

    code = "InvalidRequest"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unauthorized(UserError):
    code = "Unauthorized"


class InvalidMessage(UserError):
    code = "InvalidMessage"


class UnknownAction(UserError):
    code = "UnknownAction"


class AnalysisNotFound(UserError):
    code = "AnalysisNotFound"


class PromptNotOpen(UserError):
    code = "PromptNotOpen"


class ResultNotReady(UserError):
    code = "ResultNotReady"


class DatasetNotFound(UserError):
    code = "DatasetNotFound"


class DatasetUnusable(UserError):
    code = "DatasetUnusable"


class TurnLimitReached(UserError):
    code = "TurnLimitReached"


class AnalysisCancelled(UserError):
    code = "Cancelled"


class LlmMisconfigured(UserError):
    code = "LlmMisconfigured"


class LlmUnavailable(Exception):
    """The model cannot be reached or did not answer in time; another try may succeed."""


class LlmInvalidResponse(Exception):
    """The model's answer cannot be used; another try may give a better one."""
