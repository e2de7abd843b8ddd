"""Every address: pages at the root, the API under /api/1, the admin under /admin/."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

import accounts.urls
import authorities.urls
import certificates.urls
import certificates.urls_domains
import certificates.urls_policies
import core.urls
import lifecycle.urls
import notifications.urls
import stores.urls
from lifecycle.views_overview import overview

admin.site.site_header = admin.site.site_title = "Lemur"

api = [
    *accounts.urls.api_urls,
    *authorities.urls.api_urls,
    *certificates.urls.api_urls,
    *core.urls.api_urls,
    *lifecycle.urls.api_urls,
    *stores.urls.api_urls,
    *certificates.urls_policies.api_urls,
    *notifications.urls.api_urls,
]

urlpatterns = [
    *core.urls.health,
    *accounts.urls.pages,
    path("", overview, name="overview"),
    path("certificates/", include("certificates.urls")),
    path("authorities/", include("authorities.urls")),
    path("dns-providers/", include(authorities.urls.dns_providers)),
    path("destinations/", include(stores.urls.destinations)),
    path("sources/", include(stores.urls.sources)),
    path("domains/", include("certificates.urls_domains")),
    path("", include("lifecycle.urls")),
    path("pki/", include(authorities.urls.public)),
    path(".well-known/acme-challenge/", include(authorities.urls.challenges)),
    path("notifications/", include("notifications.urls")),
    path("notices/", include(notifications.urls.notices)),
    path("policies/", include("certificates.urls_policies")),
    path("api/1/", include(api)),
    path("api/schema", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    path("admin/", admin.site.urls),
]

handler400 = "web.views.bad_request"
handler403 = "web.views.permission_denied"
handler404 = "web.views.page_not_found"
handler500 = "web.views.server_error"
