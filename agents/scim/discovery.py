"""What the portal says about its SCIM (RFC 7643, sections 5 to 7): what it can, and what a User is here."""

from collections.abc import Mapping
from typing import Any

from agents.scim import users
from agents.scim.patch import Document

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_CONFIG = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
_RESOURCE_TYPE = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"
MAX_RESULTS = 200


def listed(resources: list[Document], *, total: int, start: int = 1) -> Document:
    return {
        "schemas": [LIST],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }


def config(base: str) -> Document:
    no = {"supported": False}
    return {
        "schemas": [_CONFIG],
        "patch": {"supported": True},
        "bulk": {**no, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MAX_RESULTS},
        "changePassword": no,
        "sort": no,
        "etag": no,
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer credential",
                "description": "The credential of a provisioning client of this portal.",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }


def resource_type(base: str) -> Document:
    return {
        "schemas": [_RESOURCE_TYPE],
        "id": "User",
        "name": "User",
        "endpoint": "/Users",
        "description": "The people who sign in to the portal.",
        "schema": users.SCHEMA,
        "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/User"},
    }


def schema(base: str) -> Document:
    return {
        "schemas": [_SCHEMA],
        "id": users.SCHEMA,
        "name": "User",
        "description": "The people who sign in to the portal.",
        "attributes": [
            _attribute("userName", "By which the person signs in.", required=True, uniqueness="server"),
            _attribute(
                "externalId", "What the directory calls the person.", caseExact=True, uniqueness="server"
            ),
            _attribute(
                "name",
                "What the person is called.",
                type="complex",
                subAttributes=[
                    _attribute("formatted", "Given and family name.", mutability="readOnly"),
                    _attribute("givenName", "Given name."),
                    _attribute("familyName", "Family name."),
                ],
            ),
            _attribute("displayName", "Given and family name.", mutability="readOnly"),
            _attribute(
                "emails",
                "One address is kept: the primary one.",
                type="complex",
                multiValued=True,
                subAttributes=[
                    _attribute("value", "The address."),
                    _attribute("type", "work"),
                    _attribute("primary", "true", type="boolean"),
                ],
            ),
            _attribute("active", "Whether the person may sign in.", type="boolean"),
        ],
        "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{users.SCHEMA}"},
    }


def _attribute(name: str, description: str, **differing: Any) -> Document:
    usual: Mapping[str, Any] = {
        "type": "string",
        "multiValued": False,
        "required": False,
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
    }
    return {"name": name, "description": description, **usual, **differing}
