"""The one exception that means "this model cannot be had like that"."""


class ModelError(Exception):
    """A wrong request to a model; the message is one line that says what, where, and the mend."""
