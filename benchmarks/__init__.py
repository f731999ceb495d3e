"""Speed and memory: measured by hand, never in a timed test. `make bench` prints the table."""
