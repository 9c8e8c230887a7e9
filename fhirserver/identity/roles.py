"""What stands for a person of each role: the types of resource that an account may name.

What a role may do is `fhirserver.access`'s; here is only who somebody of that role can be.
"""

from typing import NamedTuple

_STAFF = ("Practitioner", "PractitionerRole")
_OTHERS = ("Practitioner", "PractitionerRole", "Person")


class RoleOfAccount(NamedTuple):
    """Who may have a role.

    Attributes:
        types: of the resource that stands for the person.
        required: whether there must be one.
    """

    types: tuple[str, ...]
    required: bool = False


ROLES = {
    "physician": RoleOfAccount(_STAFF, required=True),
    "nurse": RoleOfAccount(_STAFF, required=True),
    "billing": RoleOfAccount(_OTHERS),
    "front-desk": RoleOfAccount(_OTHERS),
    "researcher": RoleOfAccount(_OTHERS),
    "patient": RoleOfAccount(("Patient",), required=True),
    "proxy": RoleOfAccount(("RelatedPerson", "Patient", "Person")),
    "administrator": RoleOfAccount(_OTHERS),
    "auditor": RoleOfAccount(_OTHERS),
}
