"""What can be wrong with a message as a whole."""


class MessageError(ValueError):
    """A message that cannot be read; its text names the field, the rule and the remedy."""
