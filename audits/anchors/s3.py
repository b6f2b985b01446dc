"""Objects that nobody can delete: S3 object lock in COMPLIANCE mode: not even the account's owner can."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import orjson
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from audits.anchors.address import Address
from audits.anchors.base import TIMEOUT_SECONDS, AnchorUnavailable, AnchorWrong, Prove, Published, Seen
from audits.choices import AnchorLevel

MODE = "COMPLIANCE"
REGION = "us-east-1"
GONE = ("NoSuchKey", "NoSuchVersion", "404")
_name = re.compile(r"(?P<size>[0-9]{20})-(?P<root>[0-9a-f]{64})\.txt\Z").search


class S3Sink:
    """An object a checkpoint, called `<prefix>/<size>-<root>.txt`: its name says what its note says.

    Credentials and region come from where boto3 looks for them (environment, profile, instance role).
    """

    level = AnchorLevel.LOCKED
    receipt_file = "object.json"

    def __init__(self, address: Address) -> None:
        self.name = address.name
        self._bucket, _, prefix = address.target.partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._lock = timedelta(days=address.lock_days)
        self._endpoint = address.endpoint

    def publish(self, checkpoint: Published, before: int, prove: Prove) -> bytes:  # noqa: ARG002 - Sink's
        key = f"{self._prefix}{checkpoint.size:020}-{checkpoint.root.hex()}.txt"
        until = datetime.now(UTC).replace(microsecond=0) + self._lock
        answer = self._ask(
            "put_object",
            Key=key,
            Body=checkpoint.note.encode(),
            ContentType="text/plain; charset=utf-8",
            ObjectLockMode=MODE,
            ObjectLockRetainUntilDate=until,
            ChecksumAlgorithm="SHA256",
        )
        if not answer.get("VersionId"):
            raise AnchorWrong(f"The bucket {self._bucket} keeps no versions: create it with object lock.")
        receipt = {
            "bucket": self._bucket,
            "key": key,
            "retain_until": until.isoformat(),
            "version": answer["VersionId"],
        }
        return orjson.dumps(receipt, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    def check(self, checkpoint: Published, receipt: bytes) -> None:
        said = _receipt(receipt)
        where = f"s3://{said['bucket']}/{said['key']}, version {said['version']}"
        answer = self._ask("get_object", Key=said["key"], VersionId=said["version"])
        try:
            content = answer["Body"].read()
        except (BotoCoreError, OSError) as error:
            raise AnchorUnavailable(f"{where} could not be read: {error}") from error
        if content != checkpoint.note.encode():
            raise AnchorWrong(f"{where} is not the checkpoint of {checkpoint.size} entries.")
        until = datetime.fromisoformat(said["retain_until"])
        held = answer.get("ObjectLockRetainUntilDate")
        if until > datetime.now(UTC) and (answer.get("ObjectLockMode") != MODE or not held or held < until):
            raise AnchorWrong(f"{where} is not locked until {until:%Y-%m-%d} any more.")

    def survey(self, newest: Published, prove: Prove) -> Iterator[Seen]:  # noqa: ARG002 - Sink's
        """From the names of all versions: deleting an object in the usual way hides it, and no more."""
        marks: dict[str, str] = {}
        while True:
            page = self._ask("list_object_versions", Prefix=self._prefix, **marks)
            for version in page.get("Versions", ()):
                if found := _name(version["Key"]):
                    where = f"s3://{self._bucket}/{version['Key']}"
                    yield Seen(int(found["size"]), bytes.fromhex(found["root"]), where)
            if not page.get("IsTruncated"):
                return
            marks = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}

    def _ask(self, verb: str, **words: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client(), verb)(Bucket=self._bucket, **words)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in GONE:
                raise AnchorWrong(f"s3://{self._bucket}/{words.get('Key', '')} is gone.") from error
            raise AnchorUnavailable(f"The bucket {self._bucket} answered: {error}") from error
        except BotoCoreError as error:
            raise AnchorUnavailable(f"The bucket {self._bucket} cannot be reached: {error}") from error
        return answer

    def _client(self) -> Any:
        session = boto3.session.Session()
        return session.client(
            "s3",
            endpoint_url=self._endpoint or None,
            region_name=session.region_name or REGION,
            config=Config(
                connect_timeout=TIMEOUT_SECONDS / 2,
                read_timeout=TIMEOUT_SECONDS,
                retries={"total_max_attempts": 2, "mode": "standard"},
            ),
        )


def _receipt(receipt: bytes) -> dict[str, str]:
    try:
        said: dict[str, str] = orjson.loads(receipt)
        datetime.fromisoformat(said["retain_until"])
        _ = said["bucket"], said["key"], said["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise AnchorWrong("The receipt was changed: it does not name an object.") from error
    return said
