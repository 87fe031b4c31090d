"""The one exception that means "the request was wrong": the command line prints its line and exits with 2."""


class RequestError(Exception):
    """A wrong request or unusable input; the message is one line that says what, where, and the mend."""
