"""Every place that takes a signed JWT takes one form of it, signed by the one key (RFC 8725; promises 6, 14).

The places: the client's assertion, the DPoP proof, the access token at introspection and where it is handed
on, the subject token. Each vector is forged for each of them; each is refused in the words of its standard
and changes nothing, and no forgery is a server error. Where a request is refused, that is recorded.
"""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from django.conf import settings
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st

from agents import access_token, signing, subject_token
from agents.errors import CredentialError
from agents.models import Agent, Credential, Delegation, Person
from agents.oauth import assertion, dpop, jose
from agents.oauth.errors import OAuthError
from agents.oauth.jwk import PublicKey
from agents.services import tokens
from audits.actor import Actor
from governance.services import enforcement_points
from tests.governance.story import events
from tests.oauth.client import Copy, ask, handed_out, introspect, let, new_key, provisioned, public, trade

HUGE = 10**15
Claims = dict[str, Any]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def parts(token: str) -> tuple[Claims, Claims, str]:
    header, claims, signature = token.split(".")
    return (*(json.loads(base64.urlsafe_b64decode(each + "==")) for each in (header, claims)), signature)


def by_hand(header: Any, claims: Any, sign: Callable[[bytes], bytes]) -> str:
    """Any header and claims, as JSON or as text, with the signature that `sign` makes."""
    texts = [each if isinstance(each, str) else json.dumps(each) for each in (header, claims)]
    signed = ".".join(b64(text.encode()) for text in texts)
    return f"{signed}.{b64(sign(signed.encode()))}"


def es256(key: Any) -> Callable[[bytes], bytes]:
    def sign(content: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(content, ec.ECDSA(hashes.SHA256())))
        size = (key.key_size + 7) // 8
        return r.to_bytes(size) + s.to_bytes(size)

    return sign


def rs256(key: rsa.RSAPrivateKey) -> Callable[[bytes], bytes]:
    return lambda content: key.sign(content, padding.PKCS1v15(), hashes.SHA256())


def hs256(secret: bytes) -> Callable[[bytes], bytes]:
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return lambda content: algorithm.sign(content, secret)


def nothing(_content: bytes) -> bytes:
    return b""


@dataclass
class Good:
    """A token that would be taken, the key that signed it, and one that did not."""

    token: str
    key: Any
    thief: Any = field(default_factory=new_key)

    def __post_init__(self) -> None:
        self.header, self.claims, self.signature = parts(self.token)

    def signed(self, *, header: Any = None, **claims: Any) -> str:
        """By the right key, with other members than it should have."""
        kept = {name: value for name, value in (self.claims | claims).items() if value is not ...}
        return by_hand(self.header | (header or {}), kept, es256(self.key))

    def pem(self) -> bytes:
        info = serialization.PublicFormat.SubjectPublicKeyInfo
        return bytes(self.key.public_key().public_bytes(serialization.Encoding.PEM, info))

    def der(self) -> bytes:
        info = serialization.PublicFormat.SubjectPublicKeyInfo
        return bytes(self.key.public_key().public_bytes(serialization.Encoding.DER, info))


def headers(token: Good, **changes: Any) -> Claims:
    return token.header | changes


def _none(algorithm: str) -> Callable[[Good], str]:
    return lambda good: by_hand(headers(good, alg=algorithm), good.claims, nothing)


def _hmac(secret: Callable[[Good], bytes], algorithm: str = "HS256") -> Callable[[Good], str]:
    return lambda good: by_hand(headers(good, alg=algorithm), good.claims, hs256(secret(good)))


def _brought(**more: Any) -> Callable[[Good], str]:
    """Signed by the thief, who brings the key, or says where it is."""
    return lambda good: by_hand(
        headers(good, **{name: value(good) if callable(value) else value for name, value in more.items()}),
        good.claims,
        es256(good.thief),
    )


def _header(**more: Any) -> Callable[[Good], str]:
    return lambda good: good.signed(header=more)


def _weak(bits: int) -> Callable[[Good], str]:
    key = rsa.generate_private_key(65537, bits)

    def forged(good: Good) -> str:
        more = {"jwk": jwt.get_algorithm_by_name("RS256").to_jwk(key.public_key(), as_dict=True)}
        brought = more if "jwk" in good.header else {}
        return by_hand(headers(good, alg="RS256", **brought), good.claims, rs256(key))

    return forged


def _curve(curve: ec.EllipticCurve, algorithm: str) -> Callable[[Good], str]:
    key = ec.generate_private_key(curve)

    def forged(good: Good) -> str:
        brought = {}
        if "jwk" in good.header:
            numbers = key.public_key().public_numbers()
            size = (curve.key_size + 7) // 8
            x, y = b64(numbers.x.to_bytes(size)), b64(numbers.y.to_bytes(size))
            brought = {"jwk": {"kty": "EC", "crv": algorithm, "x": x, "y": y}}
        return by_hand(headers(good, alg="ES256", **brought), good.claims, es256(key))

    return forged


def _twice(member: str) -> Callable[[Good], str]:
    def forged(good: Good) -> str:
        in_header = member in good.header
        which = good.header if in_header else good.claims
        text = json.dumps(which)[:-1] + f', "{member}": {json.dumps(which[member])}}}'
        header, claims = (text, good.claims) if in_header else (good.header, text)
        return by_hand(header, claims, es256(good.key))

    return forged


def _segment(change: Callable[[list[str]], list[str]]) -> Callable[[Good], str]:
    return lambda good: ".".join(change(good.token.split(".")))


def _signature(content: bytes) -> Callable[[Good], str]:
    return lambda good: by_hand(good.header, good.claims, lambda _signed: content)


def _jwe(good: Good) -> str:
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "typ": good.header.get("typ", "JWT")}
    return ".".join([b64(json.dumps(header).encode()), "", b64(b"iv"), b64(good.token.encode()), b64(b"tag")])


def _json_form(good: Good) -> str:
    protected, payload, signature = good.token.split(".")
    return json.dumps({"protected": protected, "payload": payload, "signature": signature})


ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
EVERYWHERE: dict[str, Callable[[Good], str]] = {
    **{f"alg {name!r}": _none(name) for name in ("none", "None", "NONE", "nOnE", "none ", "")},
    "no alg": lambda good: by_hand({"typ": good.header.get("typ")}, good.claims, es256(good.key)),
    "alg is a list": _header(alg=["ES256"]),
    "alg is null": _header(alg=None),
    "alg none, and a signature": _header(alg="none"),
    "HS256 by the PEM": _hmac(Good.pem),
    "HS256 by the DER": _hmac(Good.der),
    "HS256 by nothing": _hmac(lambda _good: b""),
    "HS512 by the PEM": _hmac(Good.pem, "HS512"),
    "another's key": lambda good: by_hand(good.header, good.claims, es256(good.thief)),
    "jku": _brought(jku="https://thief.example.org/keys.json"),
    "x5u": _brought(x5u="https://thief.example.org/key.pem"),
    "x5c": _brought(x5c=["MIIB"]),
    "jku on a real one": _header(jku="https://thief.example.org/keys.json"),
    "RSA of 512 bits": _signature(b"\x01" * 64),
    "RSA of 1024 bits": _weak(1024),
    "P-384 as ES256": _curve(ec.SECP384R1(), "P-384"),
    "P-521 as ES256": _curve(ec.SECP521R1(), "P-521"),
    "secp256k1 as ES256": _curve(ec.SECP256K1(), "secp256k1"),
    "typ of something else": _header(typ="id_token+jwt"),
    "typ is a number": _header(typ=7),
    "crit": _header(crit=["exp"]),
    "crit, unknown": _header(crit=["urn:example:must"], **{"urn:example:must": True}),
    "crit, empty": _header(crit=[]),
    "b64 false": _header(b64=False, crit=["b64"]),
    "b64 alone": _header(b64=False),
    "zip": _header(zip="DEF"),
    "alg twice": _twice("alg"),
    "jti twice": _twice("jti"),
    "iat twice": _twice("iat"),
    "iat is a text": lambda good: good.signed(iat=str(good.claims["iat"])),
    "iat is true": lambda good: good.signed(iat=True),
    "iat is NaN": lambda good: good.signed(iat=float("nan")),
    "iat is Infinity": lambda good: good.signed(iat=float("inf")),
    "iat is huge": lambda good: good.signed(iat=HUGE),
    "iat is negative": lambda good: good.signed(iat=-1),
    "iat is an object": lambda good: good.signed(iat={}),
    "iat in an hour": lambda good: good.signed(iat=int(time.time()) + 3600),
    "nbf is a text": lambda good: good.signed(nbf="0"),
    "nbf is NaN": lambda good: good.signed(nbf=float("nan")),
    "nbf is huge": lambda good: good.signed(nbf=HUGE),
    "nbf is negative": lambda good: good.signed(nbf=-5),
    "exp is a text": lambda good: good.signed(exp="9999999999"),
    "exp is NaN": lambda good: good.signed(exp=float("nan")),
    "exp is huge": lambda good: good.signed(exp=HUGE),
    "exp is negative": lambda good: good.signed(exp=-1),
    "exp is null": lambda good: good.signed(exp=None),
    "blanks around it": lambda good: f" {good.token}\n",
    "a blank inside": _segment(lambda each: [each[0], f"{each[1][:4]} {each[1][4:]}", each[2]]),
    "a line break inside": _segment(lambda each: [each[0], f"{each[1][:4]}\n{each[1][4:]}", each[2]]),
    "padding": _segment(lambda each: [f"{part}{'=' * (-len(part) % 4) or '===='}" for part in each]),
    "the other alphabet": _segment(lambda each: [each[0], each[1], f"{each[2][:-2]}+/"]),
    "letters that look alike": _segment(lambda each: [each[0], each[1], f"\uff21{each[2][1:]}"]),
    "a zero-width space": _segment(lambda each: [each[0], f"{each[1]}\u200b", each[2]]),
    "U+0000": _segment(lambda each: [each[0], each[1], f"{each[2]}\0"]),
    "no signature": _segment(lambda each: [each[0], each[1], ""]),
    "two segments": _segment(lambda each: each[:2]),
    "four segments": _segment(lambda each: [*each, each[2]]),
    "half of it": lambda good: good.token[: len(good.token) // 2],
    "without its last character": lambda good: good.token[:-1],
    "with one more": lambda good: f"{good.token}A",
    "bits that do not count": lambda good: _last_bits(good.token),
    "r = s = 0": _signature(bytes(64)),
    "r = s = n": _signature(ORDER.to_bytes(32) * 2),
    "r = 1, s = 0": _signature((1).to_bytes(32) + bytes(32)),
    "a signature in DER": lambda good: by_hand(
        good.header, good.claims, lambda signed: good.key.sign(signed, ec.ECDSA(hashes.SHA256()))
    ),
    "a JWE": _jwe,
    "the JSON form": _json_form,
    "claims that are a list": lambda good: by_hand(good.header, [good.claims], es256(good.key)),
    "claims that are no JSON": lambda good: by_hand(good.header, "{", es256(good.key)),
    "claims nested deeply": lambda good: by_hand(
        good.header, json.dumps(good.claims)[:-1] + ', "x": ' + "[" * 500 + "]" * 500 + "}", es256(good.key)
    ),
    "claims in UTF-16": lambda good: by_hand(good.header, good.claims, es256(good.key)).replace(
        b64(json.dumps(good.claims).encode()), b64(json.dumps(good.claims).encode("utf-16"))
    ),
    "a header that is a text": lambda good: by_hand('"ES256"', good.claims, es256(good.key)),
    "huge": lambda good: good.signed(padding="x" * 40_000),
    "nothing": lambda _good: "",
}
# Where the key is the one that is named, or the client's, and not one that comes along.
BY_A_KNOWN_KEY: dict[str, Callable[[Good], str]] = {
    "jwk": _brought(jwk=lambda good: public(good.thief)),
    "jwk on a real one": lambda good: good.signed(header={"jwk": public(good.key)}),
    "two audiences": lambda good: good.signed(aud=[good.claims["aud"], "https://other.example.org"]),
    "its audience in a list": lambda good: good.signed(aud=[good.claims["aud"]]),
    "another audience": lambda good: good.signed(aud="https://other.example.org"),
    "an audience in capitals": lambda good: good.signed(aud=str(good.claims["aud"]).upper()),
    "no audience": lambda good: good.signed(aud=...),
    "an audience that is null": lambda good: good.signed(aud=None),
    "no exp": lambda good: good.signed(exp=...),
    "over": lambda good: good.signed(iat=int(time.time()) - 900, exp=int(time.time()) - 600),
}
BY_OUR_KEY: dict[str, Callable[[Good], str]] = {
    **{
        f"kid {kid!r}": _header(kid=kid)
        for kid in ("../../../../dev/null", "x' OR '1'='1", "file:///etc/passwd", "", "\0", "k" * 500)
    },
    "kid is a list": _header(kid=["x"]),
    "no kid": lambda good: by_hand(
        {name: value for name, value in good.header.items() if name != "kid"}, good.claims, es256(good.key)
    ),
    "no typ": lambda good: by_hand(
        {name: value for name, value in good.header.items() if name != "typ"}, good.claims, es256(good.key)
    ),
    "typ JWT": _header(typ="JWT"),
    "another issuer": lambda good: good.signed(iss="https://thief.example.org"),
    "its issuer in a list": lambda good: good.signed(iss=[good.claims["iss"]]),
}
KEYED = EVERYWHERE | BY_A_KNOWN_KEY
OURS = KEYED | BY_OUR_KEY


def _last_bits(token: str) -> str:
    """The same bytes to whoever decodes carelessly: 64 bytes leave four bits of the last character over."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


# --- The places ---------------------------------------------------------------------------------------
@pytest.fixture
def copy(active_analyst: Agent, olivia: Person) -> Copy:
    return provisioned(olivia, active_analyst)


@pytest.fixture
def delegation(oscar: Person, active_analyst: Agent) -> Delegation:
    return let(oscar, active_analyst)


def refused(answer: Any, error: str, recorded: int) -> None:
    assert answer.status_code in {400, 401}, answer.content
    assert answer.json()["error"] == error
    assert not Credential.objects.exists()
    assert len(events("token.refused", "denied")) == recorded


@pytest.mark.django_db
def test_a_client_assertion(client: Client, copy: Copy) -> None:
    sent = 0
    for name, forge in KEYED.items():
        text = forge(Good(copy.assertion(), copy.key))
        answer = ask(client, copy, client_assertion=text)
        sent += bool(text)  # without any assertion it is no request of a client
        assert answer.json()["error"] == "invalid_client", name
        assert answer.status_code == 401, name
        assert not Credential.objects.exists(), name
        assert len(events("token.refused", "denied")) == sent, name
    assert ask(client, copy).status_code == 200


@pytest.mark.django_db
def test_a_proof(client: Client, copy: Copy) -> None:
    for name, forge in EVERYWHERE.items():
        key = new_key()
        text = forge(Good(copy.proof(by=key), key))
        if not text or "\n" in text or "\0" in text or not text.isascii():
            continue  # no header of HTTP
        if name.startswith(("exp", "nbf")) and jose_takes(text):
            continue  # a proof has neither
        answer = ask(client, copy, proof=text)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof"), name
        assert not Credential.objects.exists(), name
    assert events("token.refused", "denied")


def jose_takes(text: str) -> bool:
    try:
        jose.read(text, longest=10**6, brings={"jwk"})
    except jose.NotOneError:
        return False
    return True


@pytest.mark.django_db
def test_an_access_token_at_introspection(client: Client, copy: Copy) -> None:
    gateway = enforcement_points.add(actor=Actor.system("test"), name="crm")[1]
    token = ask(client, copy).json()["access_token"]
    good = Good(token, signing.key().private)
    for name, forge in OURS.items():
        answer = introspect(client, forge(good), gateway)
        assert answer.status_code in {200, 400}, name
        if answer.status_code == 200:
            assert answer.json() == {"active": False}, name
    assert introspect(client, token, gateway).json()["active"]


@pytest.mark.django_db
def test_an_access_token_at_our_own_gateway(copy: Copy, client: Client) -> None:
    token = ask(client, copy).json()["access_token"]
    good = Good(token, signing.key().private)
    for name, forge in OURS.items():
        with pytest.raises(CredentialError):
            pytest.fail(f"{name}: {access_token.read(forge(good), audience=good.claims['aud'])}")
    assert access_token.read(token, audience=good.claims["aud"])


@pytest.mark.django_db
def test_a_subject_token(client: Client, copy: Copy, delegation: Delegation) -> None:
    key = signing.key().private
    more: dict[str, Callable[[Good], str]] = {
        "nobody may act": lambda good: good.signed(may_act=...),
        "may_act is a text": lambda good: good.signed(may_act=copy.instance.agent.slug),
        "another may act": lambda good: good.signed(may_act={"client_id": "other"}),
        "no delegation": lambda good: good.signed(delegation=...),
        "a delegation and a parent": lambda good: good.signed(parent=str(uuid4())),
        "a delegation that is none": lambda good: good.signed(delegation="1 OR 1=1"),
        "an unknown delegation": lambda good: good.signed(delegation=str(uuid4())),
        "an unknown parent": lambda good: good.signed(delegation=..., parent=str(uuid4())),
        "an access token's type": _header(typ="at+jwt"),
    }
    sent = 0
    for name, forge in (OURS | more).items():
        text = forge(Good(handed_out(delegation), key))
        answer = trade(client, copy, text)
        sent += bool(text)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), name
        assert not Credential.objects.exists(), name
        assert len(events("token.refused", "denied")) == sent, name
    assert trade(client, copy, handed_out(delegation)).status_code == 200


@pytest.mark.django_db
def test_no_token_is_taken_in_the_place_of_another(
    client: Client, copy: Copy, delegation: Delegation
) -> None:
    """Each has a type of its own: what the right key signed for one place is worth nothing elsewhere."""
    gateway = enforcement_points.add(actor=Actor.system("test"), name="crm")[1]
    subject, proof, proved = handed_out(delegation), copy.proof(), copy.assertion()
    for text in (subject, proof, proved):
        assert introspect(client, text, gateway).json() == {"active": False}
    for text in (subject, proof):
        assert ask(client, copy, client_assertion=text).json()["error"] == "invalid_client"
    for text in (subject, proved):
        assert ask(client, copy, proof=text).json()["error"] == "invalid_dpop_proof"
    for text in (proof, proved):
        assert trade(client, copy, text).json()["error"] == "invalid_request"
    token = ask(client, copy).json()["access_token"]
    assert trade(client, copy, token).json()["error"] == "invalid_request"
    assert ask(client, copy, client_assertion=token).json()["error"] == "invalid_client"


@pytest.mark.django_db
@pytest.mark.parametrize("seconds", [-3600, -75, 75, 3600])
def test_a_client_whose_clock_is_wrong(client: Client, copy: Copy, seconds: int) -> None:
    then = int(time.time()) + seconds
    refused(ask(client, copy, client_assertion=copy.assertion(iat=then, exp=then + 60)), "invalid_client", 1)
    refused(ask(client, copy, proof=copy.proof(iat=then)), "invalid_dpop_proof", 2)


# --- One byte -----------------------------------------------------------------------------------------
KEY = new_key()
NOW = timezone.now


def _assertion() -> str:
    now = int(time.time())
    named = {"iss": "spiffe://x/y", "sub": "spiffe://x/y", "aud": settings.ISSUER}
    claims = named | {"jti": "1", "iat": now, "exp": now + 60}
    return jwt.encode(claims, KEY, algorithm="ES256", headers={"typ": "JWT"})


def _proof() -> str:
    claims = {"htm": "POST", "htu": settings.ISSUER, "jti": "1", "iat": int(time.time())}
    return jwt.encode(claims, KEY, algorithm="ES256", headers={"typ": "dpop+jwt", "jwk": public(KEY)})


def _access() -> str:
    now = int(time.time())
    claims = dict.fromkeys(access_token.REQUIRED, "x") | {"iss": settings.ISSUER, "iat": now, "exp": now + 60}
    return access_token.sign(claims)


def _subject() -> str:
    now = timezone.now()
    link = {"delegation": str(uuid4())}
    return subject_token.sign(
        subject="x", may_act="y", id=uuid4(), now=now, expires=now + timedelta(minutes=1), **link
    )


PLACES: dict[str, tuple[Callable[[], str], Callable[[str], object]]] = {
    "assertion": (
        _assertion,
        lambda text: assertion.verify(text, keys=[PublicKey(public(KEY))], issuer=settings.ISSUER, now=NOW()),
    ),
    "proof": (_proof, lambda text: dpop.verify(text, method="POST", url=settings.ISSUER, now=NOW())),
    "access token": (_access, lambda text: access_token.read(text, audience="x")),
    "subject token": (_subject, lambda text: subject_token.read(text, now=NOW())),
}
REFUSALS = (OAuthError, CredentialError, subject_token.NotOneError)


@pytest.mark.parametrize("place", PLACES)
@tries(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_token_with_one_byte_changed_is_no_token(place: str, data: st.DataObject) -> None:
    make, take = PLACES[place]
    token = make()
    take(token)
    position = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(max_codepoint=0x2FF).filter(lambda each: each != token[position]))
    with pytest.raises(REFUSALS):
        take(token[:position] + other + token[position + 1 :])


@pytest.mark.parametrize("place", PLACES)
@tries(max_examples=200)
@given(text=st.text(max_size=400) | st.from_regex(r"[\w-]{1,40}\.[\w-]{1,40}\.[\w-]{0,40}", fullmatch=True))
def test_whatever_else_comes_is_refused_and_nothing_breaks(place: str, text: str) -> None:
    with pytest.raises(REFUSALS):
        PLACES[place][1](text)


def test_tokens_module_takes_no_shortcut() -> None:
    """No place reads a token without the one reader."""
    for module in (assertion, dpop, access_token, subject_token):
        assert module.jose is jose
    assert not hasattr(tokens, "jwt")
