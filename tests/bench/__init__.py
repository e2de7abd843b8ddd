"""The benchmark, ``bin/bench``: how fast the product issues and reads, beside what this machine can do at all.

Nothing of it runs with the tests; the numbers in milliseconds belong here, tests assert statements and rows.
"""
