"""The shared kernel: permissions, audit, jobs, secrets, connectors. It knows no certificate and no HTTP.

The list of files is closed: a new one needs a page in docs/decisions/, so that this never becomes a grab-bag.
"""
