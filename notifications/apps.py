"""The app that tells people; when the program starts it names the mail server to the plugin."""

from django.apps import AppConfig
from django.conf import settings

from plugins.notifications import email


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        email.configure(_mail_server())


def _mail_server() -> email.MailServer | None:
    if not settings.EMAIL_HOST:
        return None
    return email.MailServer(
        host=settings.EMAIL_HOST,
        port=settings.EMAIL_PORT,
        sender=settings.DEFAULT_FROM_EMAIL,
        security="tls" if settings.EMAIL_USE_SSL else "starttls" if settings.EMAIL_USE_TLS else "none",
        user=settings.EMAIL_HOST_USER,
        password=settings.EMAIL_HOST_PASSWORD,
        ca_file=settings.EMAIL_CA_FILE or None,
    )
