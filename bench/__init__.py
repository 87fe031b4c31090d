"""The harness: what is run, timed, scored and reported."""
