"""Jobs of every kind in one list: what is under way and what did not work; and having one of them tried again.

``reading`` says what can be read of any kind, ``kinds`` which there are, ``listing`` puts them into one list, and
``acting`` hands a press of a button to the service of the kind.
"""
