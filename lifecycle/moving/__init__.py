"""Moving in: taking over what a Netflix Lemur knows, out of its own PostgreSQL database.

``lemur`` reads, ``rows`` are the values it gives; ``connectors``, ``people``, ``authorities`` and ``certificates`` turn
them into rows of ours; ``run`` has the order and the transactions, ``report`` says what became of it.
"""
