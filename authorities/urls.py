"""The addresses of authorities, profiles and DNS providers."""

from django.urls import path

from authorities import api, api_dns, views, views_dns, views_public
from web.connectors import pages
from web.rest.views import Router

app_name = "authorities"

router = Router()
router.register("authorities", api.AuthorityViewSet)
router.register("profiles", api.ProfileViewSet)
router.register("dns_providers", api_dns.DnsProviderViewSet)
api_urls = [*router.urls, path("dns_provider_options", api_dns.DnsProviderOptions.as_view())]

urlpatterns = [
    path("", views.authority_list, name="list"),
    path("new", views.create, name="create"),
    path("connect", views.connect_kinds, name="connect_kinds"),
    path("connect/<slug:slug>", views.connect, name="connect"),
    path("<int:pk>", views.detail, name="detail"),
    path("<int:pk>/edit", views.edit, name="edit"),
]

dns_providers = (pages(views_dns.DNS_PROVIDERS), "dns_providers")

# Without a log-in, where RFC 8555, 8.3 puts it.
challenges = [path("<slug:token>", views_public.challenge, name="acme-challenge")]

# Without a log-in, and of no namespace: these addresses are in certificates.
public = [
    path("<int:pk>/ca.crt", views_public.certificate, name="pki-certificate"),
    path("<int:pk>/ca.crl", views_public.crl, name="pki-crl"),
    path("<int:pk>/ocsp", views_public.ocsp_post, name="pki-ocsp"),
    path("<int:pk>/ocsp/<path:question>", views_public.ocsp_get, name="pki-ocsp-get"),
]
