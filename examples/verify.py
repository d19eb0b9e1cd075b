#!/usr/bin/env python3
"""Verifies an access token of Doorward in another service, without a request to Doorward per token.

    verify.py BASE            reads the token from standard input
    verify.py BASE TOKEN

BASE is the URL of the server, such as https://auth.example.org. DOORWARD_ISSUER is the issuer, if it is another URL.
DOORWARD_AUDIENCE is the expected audience (default: "doorward").

Prints the claims and exits with 0, prints why the token is rejected and exits with 1, or exits with 2 if the key set or
the revocations cannot be fetched. Needs PyJWT with its "crypto" extra. A service keeps the key set and the revocations in
memory and refreshes them (the revocations at least once a second); this example fetches them on each run.
"""

import base64
import hashlib
import json
import os
import sys
import urllib.error
import urllib.request

import jwt

ALGORITHMS = ("EdDSA", "ES256")  # The key determines which one, never the token.
LONGEST = 8192  # Characters of a token.
LEEWAY = 5  # Seconds by which clocks may differ.
TIMEOUT = 5  # Seconds.


class Refused(Exception):
    """The token is not valid."""


def fetch(url):
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
        return json.load(response)


def key_of(token, key_set):
    """Returns the published key with the token's `kid`. Nothing else in the header is trusted."""
    header = jwt.get_unverified_header(token)
    if header.keys() != {"alg", "kid", "typ"} or header["typ"] != "at+jwt":
        raise Refused("it is not an access token")
    for key in key_set["keys"]:
        if key["kid"] == header["kid"]:
            if key["alg"] not in ALGORITHMS or key["alg"] != header["alg"]:
                raise Refused("its algorithm is not that of its key")
            return jwt.PyJWK(key, algorithm=key["alg"])
    raise Refused("its key is unknown")


def digest(identifier):
    """Returns the digest of an id, as in the list of revocations."""
    first = hashlib.sha256(identifier.encode()).digest()[:16]
    return base64.urlsafe_b64encode(first).rstrip(b"=").decode()


def refuse_revoked(claims, revocations):
    if digest(claims["sid"]) in revocations["sessions"]:
        raise Refused("its session has ended")
    lowest = revocations["users"].get(digest(claims["sub"]))
    if lowest is not None and lowest > claims["ver"]:
        raise Refused("its user has changed since it was issued")


def verify(token, issuer, audience, key_set, revocations):
    """Returns the claims of a valid token."""
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
