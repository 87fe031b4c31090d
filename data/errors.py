"""What the data room raises; the command line prints the one line and exits with 2."""


class DataError(Exception):
    """Unusable data or a wrong data request; the message is one line that says what, where, and the mend."""


class UnreadableImage(DataError):
    """One image that cannot be used; the message names it. A few of them are left out and counted, many stop a run."""


class NotFetched(DataError):
    """Data that is asked for rightly and is not on this machine: the network, access or room was missing, or it is offline."""


class DiskError(DataError):
    """Something cannot be written or read now, such as on a full disk; what is there is kept, and gone on with later."""
