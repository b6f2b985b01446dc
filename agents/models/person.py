from django.contrib.auth.models import AbstractUser
from django.db import models

from audits.actor import Actor
from audits.models.base import Row
from audits.models.history import FieldHistory


class Person(Row, AbstractUser):
    """A human being who signs in: owner, board member, auditor, administrator."""

    external_id = models.CharField(
        max_length=200, blank=True, help_text="What the directory that provisions people calls this person."
    )
    # Never the password, and not each sign-in.
    history = FieldHistory(
        stream=lambda person: f"person/{person.pk}",
        many={"groups": ("name",), "user_permissions": ("content_type__app_label", "codename")},
        without=("password", "last_login"),
    )

    class Meta(AbstractUser.Meta):
        verbose_name = "person"
        verbose_name_plural = "people"
        constraints = (
            models.UniqueConstraint(
                fields=("external_id",),
                condition=~models.Q(external_id=""),
                name="external_id_is_one_persons",
            ),
        )

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    @property
    def actor(self) -> Actor:
        return Actor(kind="person", id=str(self.pk), name=str(self))
