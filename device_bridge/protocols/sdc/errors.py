"""The one error of this decoder."""


class SdcError(ValueError):
    """A line that is no update; says where and what, and no value."""
