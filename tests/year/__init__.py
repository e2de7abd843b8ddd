"""A year in minutes, ``bin/simulate-year``: certificates that renew themselves, with a CA and targets that are often down.

The sweeps and services are the product's, and so is the database; ``now`` is what the simulation says. The CA is the
internal one behind a switch, targets are directories behind switches, and mail ends in a list. What must have happened
is worked out from what the switches and the directories saw, never from what the product says of itself.
"""
