"""People as JSON."""

from __future__ import annotations

from rest_framework import serializers as drf

from accounts.models import Role, User
from web.rest.serializers import ModelSerializer


class RoleOutput(ModelSerializer):
    """A role, as certificates and authorities show it."""

    class Meta:
        model = Role
        fields = ("id", "name", "description")


class UserBrief(ModelSerializer):
    """A user, as other objects show them."""

    active = drf.BooleanField(source="is_active")

    class Meta:
        model = User
        fields = ("id", "username", "email", "active")


class Me(UserBrief):
    """The caller."""

    profile_picture = drf.SerializerMethodField()
    roles = RoleOutput(many=True)

    class Meta:
        model = User
        fields = ("id", "username", "email", "active", "profile_picture", "roles")

    def get_profile_picture(self, user: User) -> str | None:
        """Always null: we fetch no pictures of people."""
        return None
