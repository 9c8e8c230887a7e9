"""The one error of these decoders."""


class BluetoothError(ValueError):
    """A value or a notification that cannot be read; says where and what, and no value."""
