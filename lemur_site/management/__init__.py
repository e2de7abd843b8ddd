"""Commands that concern the installation as a whole."""
