"""The file formats a certificate can be downloaded in."""
