"""Who hears: which channels there are, and what one recipient must be told once."""
