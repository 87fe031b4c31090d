"""The project's errands; `nox --list` names them."""

import nox

nox.options.sessions = ["tests", "lint", "types"]
nox.options.default_venv_backend = "uv"
nox.options.reuse_existing_virtualenvs = True


@nox.session
def demo(session: nox.Session) -> None:
    """Set up, train all models on the embedded synthetic manga, and write the report to runs/demo/report."""
    session.install("-e", ".")
    command = "bench run --preset demo --data synthetic --models all --budget 6m --seeds 2 --out runs/demo"
    session.run(*command.split(), *session.posargs)


@nox.session
def demo_report(session: nox.Session) -> None:
    """Train the demo, write its report to reports/demo, verify it, and put its table and its picture into the READMEs.

    The run stays in runs/reports/demo: delete it to train again.
    """
    session.install("-e", ".")
    run, report = "runs/reports/demo", "reports/demo"
    command = f"bench run --preset demo --data synthetic --models all --budget 6m --seeds 2 --out {run}"
    session.run(*command.split(), *session.posargs)
    # Little enough for a clone; the page says which pages have no pictures for want of room.
    session.run("bench", "report", run, "--out", "reports", "--name", "demo", "--pictures", "3")
    session.run("bench", "verify", report, "--run", run)
    session.run("python", "benchmarks/readme_demo.py", report)


@nox.session
def reference_report(session: nox.Session) -> None:
    """Train all models three times on the embedded synthetic manga at 128 px, half an hour; report to reports/synthetic-128."""
    session.install("-e", ".")
    run, report = "runs/reports/synthetic-128", "reports/synthetic-128"
    command = f"bench run --preset small --data synthetic --models all --seeds 3 --budget 30m --out {run}"
    session.run(*command.split(), *session.posargs)
    how = ["--name", "synthetic-128", "--pictures", "3", "--figures", "png"]
    session.run("bench", "report", run, "--out", "reports", *how)
    session.run("bench", "verify", report, "--run", run)


@nox.session
def tests(session: nox.Session) -> None:
    """Set up and pass the tests, a worker a core; extra arguments go to pytest."""
    session.install("-e", ".[tests]")
    # The files with the longest tests come first in their own order, so that no worker is left with one at the end.
    # A thread a worker: several threads in several processes wait for each other more than they compute.
    one_thread = {"OMP_NUM_THREADS": "1"}
    workers = ("-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder")
    session.run("pytest", *workers, "-m", "not endurance and not cluster", *session.posargs, env=one_thread)


@nox.session
def endurance(session: nox.Session) -> None:
    """The tests that take minutes: full widths from end to end, fifty kills, thousands of hostile files, half an hour's soak."""
    session.install("-e", ".[tests]")
    session.run("pytest", "-m", "endurance", "--timeout=3600", "-s", *session.posargs)


@nox.session
def cluster(session: nox.Session) -> None:
    """Cells on several machines: a Ray cluster of two nodes, one killed; the worked Slurm file. Two minutes."""
    session.install("-e", ".[tests,cluster]")
    session.run("pytest", "-m", "cluster", "-s", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session
def large(session: nox.Session) -> None:
    """Prepare 12,000 generated pages of 1024 px: seconds and memory. Takes half an hour and 33 GB; `-- --folder DIR` says where."""
    session.install("-e", ".")
    session.run("python", "benchmarks/large_parquet.py", *session.posargs)


@nox.session
def speed(session: nox.Session) -> None:
    """Training steps a second, ours beside the textbook step, losses asserted equal; see benchmarks/training_speed.py."""
    session.install("-e", ".")
    session.run("python", "benchmarks/training_speed.py", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format and style."""
    session.install("-e", ".[lint]")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types."""
    session.install("-e", ".[types]")
    session.run("mypy")
