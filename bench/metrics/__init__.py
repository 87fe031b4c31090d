"""Scores of colourings: one file a metric family. Importing the package imports none of them, so it costs nothing."""
