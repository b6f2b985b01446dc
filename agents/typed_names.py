"""What somebody typed as their name at the sign-in, where nobody has that name.

People type passwords there. So such a text is kept nowhere; what counts and what is recorded is a keyed
digest of it: equal texts have equal digests, and nobody without the secret key can try words against it.
"""

from django.utils.crypto import salted_hmac

LENGTH = 32


def digest(text: str) -> str:
    """128 bits of HMAC-SHA256 under this installation's secret key, in hex."""
    return salted_hmac("countersign/typed-name", text, algorithm="sha256").hexdigest()[:LENGTH]
