"""The refusals of the user pools API, by their codes.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/CommonErrors.html
"""

from localstack.aws.api import CommonServiceException

WRONG_LOGIN = "Incorrect username or password."


def refusal(code: str, message: str) -> Exception:
    """Return the error that a call is answered with, in AWS's form."""
    error: Exception = CommonServiceException(code, message, 400, sender_fault=True)
    return error


def not_authorized(message: str = WRONG_LOGIN) -> Exception:
    """Return a ``NotAuthorizedException``; the same for whoever is not let in."""
    return refusal("NotAuthorizedException", message)


def invalid_parameter(message: str) -> Exception:
    """Return an ``InvalidParameterException``."""
    return refusal("InvalidParameterException", message)


def not_found(message: str) -> Exception:
    """Return a ``ResourceNotFoundException``."""
    return refusal("ResourceNotFoundException", message)


def user_not_found(message: str = "User does not exist.") -> Exception:
    """Return a ``UserNotFoundException``."""
    return refusal("UserNotFoundException", message)


def too_many(
    message: str = "Attempt limit exceeded, please try after some time.",
) -> Exception:
    """Return a ``LimitExceededException``."""
    return refusal("LimitExceededException", message)
