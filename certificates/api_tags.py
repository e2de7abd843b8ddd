"""Tags over the API: which ones there are, and how many certificates bear each."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import mixins

from certificates import service
from certificates.filters import TagFilter
from certificates.models import Tag
from certificates.permissions import tag_permissions
from certificates.serializers import TagOutput
from web.rest.views import ViewSet


class TagViewSet(mixins.ListModelMixin, ViewSet):
    """List those that certificates bear, as far as the caller may see them."""

    queryset = Tag.objects.all()
    permissions = tag_permissions
    serializer_class = TagOutput
    filterset_class = TagFilter

    def get_queryset(self) -> QuerySet[Any]:
        return self.permissions.allowed(self.caller, "view", service.tags_in_use(self.caller))
