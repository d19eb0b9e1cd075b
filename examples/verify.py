#!/usr/bin/env python3
"""Verifies an access token of Doorward in another service, without asking Doorward about each one.

    verify.py BASE            reads the token from standard input
    verify.py BASE TOKEN

BASE is the issuer, such as https://auth.example.org; where it is reached under another address, DOORWARD_ISSUER names
the issuer. DOORWARD_AUDIENCE is what the token must be meant for ("doorward" if unset).

Prints the claims and ends with 0; prints why the token is refused and ends with 1; ends with 2 when it cannot be known.
Needs PyJWT with its "crypto" extra. A service keeps the key set and the list of revocations in memory, and asks for
them again now and then (the list at least once a second); this program asks each time, and is done.
"""

import base64
import hashlib
import json
import os
import sys
import urllib.error
import urllib.request

import jwt

ALGORITHMS = ("EdDSA", "ES256")  # Which of them, is said by the key; never by the token.
LONGEST = 8192  # Characters of a token.
LEEWAY = 5  # Seconds by which clocks may differ.
PATIENCE = 5  # Seconds.


class Refused(Exception):
    """The token speaks for nobody."""


def fetch(url):
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return json.load(answer)


def key_of(token, key_set):
    """The published key that the token names. Nothing else in the token's header is believed."""
    header = jwt.get_unverified_header(token)
    if header.keys() != {"alg", "kid", "typ"} or header["typ"] != "at+jwt":
        raise Refused("it is not an access token")
    for key in key_set["keys"]:
        if key["kid"] == header["kid"]:
            if key["alg"] not in ALGORITHMS or key["alg"] != header["alg"]:
                raise Refused("it is not signed as its key signs")
            return jwt.PyJWK(key, algorithm=key["alg"])
    raise Refused("it names no key of the issuer")


def digest(identifier):
    """The name of an id in the list of revocations."""
    first = hashlib.sha256(identifier.encode()).digest()[:16]
    return base64.urlsafe_b64encode(first).rstrip(b"=").decode()


def refuse_revoked(claims, revocations):
    if digest(claims["sid"]) in revocations["sessions"]:
        raise Refused("its session has ended")
    lowest = revocations["users"].get(digest(claims["sub"]))
    if lowest is not None and lowest > claims["ver"]:
        raise Refused("its user has changed since it was issued")


def verify(token, issuer, audience, key_set, revocations):
    """The claims of a token that is valid."""
    if len(token) > LONGEST:
        raise Refused("it is too long")
    try:
        key = key_of(token, key_set)
        claims = jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm_name],
            issuer=issuer,
            audience=audience,
            leeway=LEEWAY,
            options={"require": ["iss", "aud", "exp", "iat", "sub", "sid", "ver", "jti"]},
        )
    except jwt.PyJWTError as error:
        raise Refused(str(error)) from error
    if not isinstance(claims["sid"], str) or type(claims["ver"]) is not int:
        raise Refused("its claims are not those of an access token")
    refuse_revoked(claims, revocations)
    return claims


def main(arguments):
    if len(arguments) not in (1, 2):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    base = arguments[0].rstrip("/")
    token = arguments[1] if len(arguments) == 2 else sys.stdin.read().strip()
    issuer = os.environ.get("DOORWARD_ISSUER", base)
    audience = os.environ.get("DOORWARD_AUDIENCE", "doorward")
    try:
        key_set = fetch(f"{base}/.well-known/jwks.json")
        revocations = fetch(f"{base}/v1/revocations")
    except (OSError, ValueError) as error:
        print(f"cannot know: {error}", file=sys.stderr)
        return 2
    try:
        claims = verify(token, issuer, audience, key_set, revocations)
    except Refused as reason:
        print(f"refused: {reason}")
        return 1
    json.dump(claims, sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
