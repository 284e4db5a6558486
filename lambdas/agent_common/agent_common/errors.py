"""Errors that a user is told about: a code, a sentence, and what to do where that helps."""


class UserError(Exception):
    """Something that the user asked for cannot be done. ``code`` is for programs."""

    code = "InvalidRequest"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unauthorized(UserError):
    """Nobody is logged in, or the token is not one of this pool and client."""

    code = "Unauthorized"


class InvalidMessage(UserError):
    """A message is not JSON, lacks a field, or holds a value out of bounds."""

    code = "InvalidMessage"


class UnknownAction(UserError):
    """A message names an action that there is not."""

    code = "UnknownAction"


class AnalysisNotFound(UserError):
    """There is no such analysis, or it is another user's."""

    code = "AnalysisNotFound"


class PromptNotOpen(UserError):
    """A prompt was answered, has timed out, or was never asked."""

    code = "PromptNotOpen"


class ResultNotReady(UserError):
    """An analysis has not ended yet."""

    code = "ResultNotReady"


class DatasetNotFound(UserError):
    """There is no dataset of this name."""

    code = "DatasetNotFound"


class DatasetUnusable(UserError):
    """A dataset is empty, too large, or not CSV."""

    code = "DatasetUnusable"


class TurnLimitReached(UserError):
    """The model took more turns than the analysis allows."""

    code = "TurnLimitReached"


class TokenLimitReached(UserError):
    """The model read and wrote more tokens than the analysis allows."""

    code = "TokenLimitReached"


class ModelLoops(UserError):
    """The model does the same again and again, and being told did not help."""

    code = "ModelLoops"


class AnalysisCancelled(UserError):
    """The user does not want the answer any more."""

    code = "Cancelled"


class LlmMisconfigured(UserError):
    """The LLM secret is wrong; another try with it would fail, too."""

    code = "LlmMisconfigured"


class LlmUnavailable(Exception):
    """The model cannot be reached or did not answer in time; another try may succeed."""


class LlmInvalidResponse(Exception):
    """The model's answer cannot be used; another try may give a better one."""
