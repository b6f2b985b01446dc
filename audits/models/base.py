"""What every row of the product shares: a UUIDv7 (RFC 9562) that sorts by creation time."""

import uuid

from django.db import models
from uuid_utils.compat import uuid7


def new_id() -> uuid.UUID:
    return uuid7()


class Row(models.Model):
    """A row that can be named from outside without saying how many there are."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True
