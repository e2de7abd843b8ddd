"""The REST dialect: Lemur's spelling, lists, references and errors on top of Django REST framework."""
