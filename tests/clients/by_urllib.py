"""A backend service with the standard library alone: by_urllib.py BASE ASSERTION."""

import json
import sys
import urllib.parse
import urllib.request


def get_token(base: str, assertion: str, scope: str) -> str:
    """Find the token endpoint and ask for a token."""
    with urllib.request.urlopen(f"{base}/.well-known/smart-configuration") as answer:
        token_url = json.load(answer)["token_endpoint"]
    form = {
        "grant_type": "client_credentials",
        "scope": scope,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    }
    with urllib.request.urlopen(token_url, urllib.parse.urlencode(form).encode()) as answer:
        return str(json.load(answer)["access_token"])


def main() -> None:
    """Create, find, delete."""
    base, assertion = sys.argv[1:]
    token = get_token(base, assertion, "system/Patient.cruds")

    def call(method: str, path: str, body: object = None) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{base}/{path}", raw, headers, method=method)
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()

    patient = {"resourceType": "Patient", "name": [{"family": "Byurllib"}]}
    status, created = call("POST", "Patient", patient)
    id_ = json.loads(created)["id"]
    found = json.loads(call("GET", "Patient?family=Byurllib")[1])
    assert status == 201
    assert [entry["resource"]["id"] for entry in found["entry"]] == [id_]
    assert call("DELETE", f"Patient/{id_}")[0] in (200, 204)


if __name__ == "__main__":
    main()
