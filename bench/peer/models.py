from django.db import models
from django_mpesa.models import AbstractMpesaCallbackLog, AbstractMpesaTransaction


class Transaction(AbstractMpesaTransaction):
    class Meta:
        app_label = "peer"


class CallbackLog(AbstractMpesaCallbackLog):
    class Meta:
        app_label = "peer"


class Entitlement(models.Model):  # noqa: DJ008 - nobody prints it
    """What a confirmed payment is for: the least that a subscription needs."""

    transaction = models.ForeignKey(Transaction, on_delete=models.CASCADE)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "peer"
