"""What can be wrong with an answer, a recording or a layout."""


class ModbusError(ValueError):
    """Its text names what is wrong, and no values."""


class SilentError(ModbusError):
    """A gateway says that the device behind it does not answer."""
