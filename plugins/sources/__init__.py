"""Built-in sources: places that certificates are found at."""
