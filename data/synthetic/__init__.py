"""Drawn manga: pairs of colour and B/W pages that need no download, with known ink and palette."""

from data.synthetic.page import DrawnPage
from data.synthetic.source import VERSION, SyntheticSource

__all__ = ["VERSION", "DrawnPage", "SyntheticSource"]
