"""The floor: the same HTTP server, threads and workers, with an application that does nothing."""

import sys

BODY = b'{"resourceType":"Patient","id":"floor","text":"' + b"x" * 1800 + b'"}'
HEADERS = [
    ("Content-Type", "application/fhir+json"),
    ("Content-Length", str(len(BODY))),
    ("ETag", 'W/"1"'),
]


def application(environ, start_response):  # type: ignore[no-untyped-def]
    """Answer the fixed body."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length:
        environ["wsgi.input"].read(length)
    start_response("200 OK", HEADERS)
    return [BODY]


if __name__ == "__main__":
    from granian import Granian
    from granian.constants import Interfaces

    Granian(
        "floor:application",
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.WSGI,
        workers=int(sys.argv[2]),
        blocking_threads=4,
        log_enabled=False,
    ).serve()
