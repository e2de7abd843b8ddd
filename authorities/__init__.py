"""Who signs: authorities, the profiles they offer, and the ledger of what they have signed."""
