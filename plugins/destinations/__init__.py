"""Built-in destinations: places that certificates are delivered to."""
