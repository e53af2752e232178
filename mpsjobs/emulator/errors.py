"""Errors as the API answers them. Codes are from the vendor's list of common and MPS error codes."""


class ApiError(Exception):
    """An answer with `Response.Error`; the HTTP status stays 200."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def missing(name: str) -> ApiError:
    return ApiError("MissingParameter", f"The request is missing a required parameter `{name}`.")


def unknown(name: str) -> ApiError:
    return ApiError("UnknownParameter", f"The parameter `{name}` is not recognized.")


def wrong_type(name: str) -> ApiError:
    return ApiError("InvalidParameter", f"The value type of parameter `{name}` is not valid.")


def bad_value(name: str, why: str) -> ApiError:
    return ApiError("InvalidParameterValue", f"The value of parameter `{name}` is not valid: {why}.")
