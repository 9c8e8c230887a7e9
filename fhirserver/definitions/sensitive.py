"""Security labels that are more than ordinary, by code.

Spec: https://hl7.org/fhir/R4/security-labels.html; https://hl7.org/fhir/R4/v3/ActCode/cs.html and
https://hl7.org/fhir/R4/v3/Confidentiality/cs.html
"""

RESTRICTED, VERY_RESTRICTED = "R", "V"
SENSITIVE = frozenset({
    "ADOL", "B", "BH", "CEL", "COGN", "DEMO", "DIA", "DOB", "DRGIS", "DVD", "EMOTDIS", "EMP",
    "EMPL", "ETH", "ETHUD", "GDIS", "GENDER", "HIV", "LIVARG", "LOCIS", "MARST", "MH", "MST",
    "OPIOIDUD", "PDS", "PHY", "PRS", "PSY", "PSYTHPN", "RACE", "REL", "SCA", "SDV", "SEX", "SICKLE",
    "SPI", "SSP", "STD", "SUD", "TBOO", "VIO",
})  # fmt: skip
"""Codes below information sensitivity."""

EXTRAORDINARY = tuple(sorted(SENSITIVE | {RESTRICTED, VERY_RESTRICTED}))
"""All of them; the index `token_labels` names the same."""
