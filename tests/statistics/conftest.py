"""Settings shared by the tests of the statistics."""

from hypothesis import settings

# A busy machine is no failure of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
