"""The addresses of endpoints, of their rotation, of what sources brought in, and of all jobs."""

from django.urls import path

from lifecycle import api, api_found, api_jobs, views, views_found, views_jobs, views_overview
from web.rest.views import Router

app_name = "lifecycle"

router = Router()
router.register("endpoints", api.EndpointViewSet)
router.register("rotations", api.RotationViewSet)
router.register("brakes", api.BrakeViewSet)
router.register("findings", api_found.FindingViewSet)
router.register("syncs", api_found.SyncViewSet)
router.register("jobs", api_jobs.JobViewSet, basename="jobs")
api_urls = router.urls

urlpatterns = [
    path("metrics", api.metrics, name="metrics"),
    path("overview/shares", views_overview.shares, name="shares"),
    path("alarms/", views_overview.alarms, name="alarms"),
    path("jobs/", views_jobs.job_list, name="jobs"),
    path("jobs/<str:kind>/<int:pk>/retry", views_jobs.retry, name="job-retry"),
    path("jobs/<str:kind>/<int:pk>/stop", views_jobs.stop, name="job-stop"),
    path("endpoints/", views.endpoint_list, name="endpoints"),
    path("rotations/", views.rotation_list, name="rotations"),
    path("rotations/<int:pk>/retry", views.retry, name="retry"),
    path("rotations/<int:pk>/rollback", views.roll_back, name="roll_back"),
    path("rotations/brakes/<int:pk>/release", views.release, name="release"),
    path("found/", views_found.finding_list, name="found"),
    path("found/<int:pk>/claim", views_found.claim, name="claim"),
    path("found/<int:pk>/assign", views_found.assign, name="assign"),
    path("found/<int:pk>/dismiss", views_found.dismiss, name="dismiss"),
    path("sources/<int:pk>/sync", views_found.sync, name="sync"),
    path("syncs/<int:pk>/cancel", views_found.cancel, name="cancel"),
]
