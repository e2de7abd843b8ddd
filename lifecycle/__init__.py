"""What happens by itself: expiry, rotation, discovery, revocation. Nothing below needs to know of it."""
