"""The end of a log-in."""


class LoginError(Exception):
    """No access token is to be had; the message says why, and names no secret."""
