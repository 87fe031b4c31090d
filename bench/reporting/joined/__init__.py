"""One report of several runs: what may differ between them side by side, what must not differ refused."""
