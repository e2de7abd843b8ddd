"""People: users, the roles they hold, and the tokens with which they and their programs identify themselves."""
