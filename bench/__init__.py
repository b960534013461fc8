"""Benchmarks: what operations cost, as CPU time of the server's processes, beside a Flask hello's.

Run with `make bench`. Everything is measured in one run on one machine, so that the ratios hold where
the absolute numbers do not. Nothing is written outside the checkout, and no test asserts a time.
"""
