"""``bin/chaos``: the product at work while its processes, its broker and its database are killed, and what became of it.

Nothing of it runs with the tests, but for half a minute of it in tests/system/test_chaos.py.
"""
