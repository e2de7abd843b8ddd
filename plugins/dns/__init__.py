"""DNS services, in which we prove that a name is ours."""
