"""A seal key that never leaves its server: Ed25519 in the *transit* engine of OpenBao or Vault.

`COUNTERSIGN_SEAL_KEY=transit+https://host:8200/transit/ledger` names server, mount and key. A rotation
makes a new *version* of the key there; which version signs is said by the public history (`ledger.keys`).
The token in `COUNTERSIGN_SEAL_TOKEN_FILE` needs `update` on `<mount>/sign/<key>`, `read` on
`<mount>/keys/<key>`, and for rotations `update` on `<mount>/keys/<key>/rotate`.
"""

import base64
import binascii
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson

from audits.keys.files import KeysUnusable
from audits.note import SIGNATURE_BYTES, VerifierKey, signature_line
from audits.operator_http import AddressRefused, AnswerTooLong, check_address, client

PREFIX = "transit+"
TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class TransitKey:
    """One version of the key; it signs over there. Errors become KeysUnusable: events wait in pending."""

    engine: "Engine"
    version: int
    verifier: VerifierKey

    @property
    def name(self) -> str:
        return self.verifier.name

    def sign(self, text: str) -> str:
        """A signed note. `text` ends with a newline. Raises KeysUnusable."""
        asked = {"input": base64.b64encode(text.encode()).decode(), "key_version": self.version}
        answer = self.engine.ask("POST", f"sign/{self.engine.key}", asked)
        try:
            signature = base64.b64decode(str(answer["signature"]).rpartition(":")[2], validate=True)
        except (KeyError, binascii.Error) as error:
            raise KeysUnusable(f"{self.engine.address} did not answer with a signature.") from error
        if len(signature) != SIGNATURE_BYTES:
            raise KeysUnusable(f"{self.engine.address} did not answer with an Ed25519 signature.")
        return f"{text}\n{signature_line(self.verifier, signature)}"


@dataclass(frozen=True, slots=True)
class Engine:
    """A key in a transit engine: `base` is the server, `mount` the engine, `key` its name."""

    base: str
    mount: str
    key: str
    token_file: str

    @classmethod
    def parse(cls, address: str, token_file: str) -> "Engine":
        """
        Raises:
            KeysUnusable: not an address of a transit key.
        """
        url = address.removeprefix(PREFIX)
        try:
            check_address(url)
        except AddressRefused as error:
            raise KeysUnusable(f"COUNTERSIGN_SEAL_KEY: {error}") from error
        parts = urlsplit(url)
        mount, _, key = parts.path.strip("/").rpartition("/")
        if not address.startswith(PREFIX) or not mount or not key or parts.query:
            raise KeysUnusable(
                "COUNTERSIGN_SEAL_KEY is not understood: use transit+https://host:8200/<mount>/<key>, or "
                "leave it empty for a file."
            )
        return cls(f"{parts.scheme}://{parts.netloc}", mount, key, token_file)

    @property
    def address(self) -> str:
        return f"{self.base}/{self.mount}/{self.key}"

    def versions(self, name: str) -> dict[int, VerifierKey]:
        """The versions of the key that the server still holds, as keys called `name`. Raises KeysUnusable."""
        answer = self.ask("GET", f"keys/{self.key}")
        if answer.get("type") != "ed25519" or answer.get("derived"):
            raise KeysUnusable(f"{self.address} is not a plain Ed25519 key: create it with type=ed25519.")
        return {
            int(version): VerifierKey(name, base64.b64decode(key["public_key"]))
            for version, key in answer["keys"].items()
        }

    def signer(self, version: int, verifier: VerifierKey) -> TransitKey:
        return TransitKey(self, version, verifier)

    def rotate(self) -> None:
        """Have the server make a new version. Raises KeysUnusable."""
        self.ask("POST", f"keys/{self.key}/rotate", {})

    def ask(self, method: str, path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        """What the engine answers in `data`. Raises KeysUnusable."""
        try:
            with client(TIMEOUT_SECONDS) as door:
                answer = door.request(
                    method,
                    f"{self.base}/v1/{self.mount}/{path}",
                    headers={"X-Vault-Token": self._token()},
                    json=content,
                )
        except (httpx2.HTTPError, AnswerTooLong) as error:
            raise KeysUnusable(
                f"The seal key's server at {self.base} cannot be reached ({error}). Nothing is lost: events "
                "wait to be sealed."
            ) from error
        if not answer.is_success:
            raise KeysUnusable(
                f"The seal key's server at {self.base} answered {answer.status_code} to {path}. Check the "
                "token in COUNTERSIGN_SEAL_TOKEN_FILE and its policy; events wait to be sealed."
            )
        try:
            parsed: dict[str, Any] = orjson.loads(answer.content or b"{}").get("data") or {}
        except (ValueError, AttributeError) as error:
            raise KeysUnusable(f"{self.base} is not a transit engine: it did not answer in JSON.") from error
        return parsed

    def _token(self) -> str:
        try:
            return Path(self.token_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise KeysUnusable(
                f"COUNTERSIGN_SEAL_TOKEN_FILE: {self.token_file or 'it is not set'} cannot be read "
                f"({error.strerror})."
            ) from error


@lru_cache(maxsize=8)
def signer(engine: Engine, wanted: VerifierKey) -> TransitKey:
    """The version whose public half is `wanted`. Raises KeysUnusable."""
    for version, verifier in engine.versions(wanted.name).items():
        if verifier == wanted:
            return engine.signer(version, verifier)
    raise KeysUnusable(
        f"{engine.address} holds no version with the key {wanted.id}, which signs this ledger. If that is "
        "still the key in seal.key, run `manage.py keys rotate` to move on to the server's; otherwise it "
        "was swapped or deleted there: restore it, or run `manage.py keys replace --reason TEXT`."
    )


def newest(engine: Engine, name: str) -> TransitKey:
    """The newest version. Raises KeysUnusable."""
    versions = engine.versions(name)
    return engine.signer(max(versions), versions[max(versions)])
