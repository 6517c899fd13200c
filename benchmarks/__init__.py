"""The figures that Offizin is to reach, measured: ``python -m benchmarks``. See docs/benchmarks.md."""
