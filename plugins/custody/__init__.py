"""Who keeps private keys."""
