"""The pictures of README.md and docs, ``bin/screenshots``: pages of the real product with its demo, light and dark.

Nothing of it runs with the tests; tests/system/test_documents.py looks whether each picture is there and is shown.
"""
