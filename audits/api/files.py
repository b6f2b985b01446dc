"""Files: what is given away as it is."""

from typing import Any

from django.http import HttpResponse
from rest_framework.renderers import BaseRenderer

MEDIA_TYPE = "application/octet-stream"


class Bytes(BaseRenderer):
    """What the view hands over, as it is."""

    media_type = MEDIA_TYPE
    format = "file"
    charset = None
    render_style = "binary"

    def render(self, data: Any, *_arguments: Any) -> Any:
        return data


def as_file(content: bytes, name: str) -> HttpResponse:
    """Bytes that no browser shows in our name."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=MEDIA_TYPE, headers=headers)
