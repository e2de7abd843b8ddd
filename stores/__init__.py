"""Where certificates live outside: destinations, which we write, and sources, which we read."""
