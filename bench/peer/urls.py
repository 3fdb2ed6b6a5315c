from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django_mpesa.signals import payment_confirmed

from bench.peer.models import Entitlement


def ready(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("ready")


def entitle(transaction: object, **_more: object) -> None:
    Entitlement.objects.create(transaction=transaction)


payment_confirmed.connect(entitle)
urlpatterns = [path("mpesa/", include("django_mpesa.urls")), path("readyz", ready)]
