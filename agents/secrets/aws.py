"""AWS Secrets Manager. Credentials and region come from where boto3 looks for them."""

import json
import logging
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from agents.secrets.broker import Stored, StoreError
from agents.secrets.uri import SecretURI
from agents.secrets.value import SecretValue

STORE = "AWS Secrets Manager"
CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
TIMEOUT_SECONDS = 5
WRITTEN_ALREADY = "ResourceExistsException"
TEMPORARY = ("ThrottlingException", "InternalServiceError")
# At DEBUG botocore writes whole requests and answers into the log: values, that is.
logging.getLogger("botocore").setLevel(logging.INFO)


class Aws:
    """Reads the current version; writes with staging labels, so that the one before stays readable."""

    title = STORE

    def check(self, uri: SecretURI) -> None:
        """Nothing: what the portal may read there is a matter of its role."""

    def read(self, uri: SecretURI) -> Stored:
        which = {"VersionId": uri.version} if uri.version else {"VersionStage": CURRENT}
        answer = _ask("get_secret_value", SecretId=uri.name, **which)
        text = answer.get("SecretString")
        if not isinstance(text, str):
            raise StoreError(f"{STORE} holds bytes there, and only text is read.")
        value = _members(text).get(uri.field) if uri.field else text
        if not isinstance(value, str):
            raise StoreError(f"{STORE} has no text under the key {uri.field} there.")
        return Stored(SecretValue(value), str(answer["VersionId"]))

    def write(self, uri: SecretURI, value: SecretValue, *, over: str, token: str) -> str:
        answer = _ask("get_secret_value", SecretId=uri.name, VersionStage=CURRENT)
        current = str(answer["VersionId"])
        if current == token:
            return token  # an earlier try has written it
        if current != over:
            raise StoreError(f"{STORE} has another version there by now.")
        text = value.reveal()
        if uri.field:
            text = json.dumps({**_members(answer["SecretString"]), uri.field: text})
        made = _ask("put_secret_value", SecretId=uri.name, ClientRequestToken=token, SecretString=text)
        return str(made["VersionId"])

    def destroy(self, uri: SecretURI, version: str) -> None:
        """Takes its label off: AWS deletes a version without one, in its own time."""
        known = _ask("describe_secret", SecretId=uri.name).get("VersionIdsToStages", {})
        if PREVIOUS not in known.get(version, ()):
            return
        _ask(
            "update_secret_version_stage",
            SecretId=uri.name,
            VersionStage=PREVIOUS,
            RemoveFromVersionId=version,
        )

    def rotate(self, uri: SecretURI, *, token: str) -> str:
        """By the rotation function that is configured there."""
        made = _ask("rotate_secret", SecretId=uri.name, ClientRequestToken=token)
        return str(made.get("VersionId", token))


def _members(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise StoreError(f"{STORE} holds no JSON object there, so that there is no key in it.")
    return found


def _ask(verb: str, **words: Any) -> dict[str, Any]:
    config = Config(
        connect_timeout=TIMEOUT_SECONDS, read_timeout=TIMEOUT_SECONDS, retries={"total_max_attempts": 1}
    )
    client = boto3.session.Session().client("secretsmanager", config=config)
    try:
        answer: dict[str, Any] = getattr(client, verb)(**words)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        raise StoreError(f"{STORE} refused: {code}.", temporary=code in TEMPORARY) from error
    return answer
