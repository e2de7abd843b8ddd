"""Pure X.509: values in, values out.

Nothing here imports a framework, speaks to the network, reads the clock, the settings or a database. Functions take
and give `cryptography` objects or frozen dataclasses, `now` is a parameter, randomness is only where a key or a serial
number is made, and whatever the input, only `pki.errors.PkiError` is raised.
"""
