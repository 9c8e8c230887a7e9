"""The main clinical date of each resource type: when it happened, or was written down.

Index rows carry it, so that "the latest first" needs no second table. A type without one is
missing here; its rows count as undated.
"""

from collections.abc import Mapping
from types import MappingProxyType

_TYPES_BY_CODE = {
    "date": (
        "ActivityDefinition", "AdverseEvent", "AllergyIntolerance", "Appointment", "AuditEvent",
        "CapabilityStatement", "CarePlan", "CareTeam", "ChargeItemDefinition",
        "ClinicalImpression", "CodeSystem", "CompartmentDefinition", "Composition", "ConceptMap",
        "Consent", "DiagnosticReport", "DocumentReference", "EffectEvidenceSynthesis",
        "Encounter", "EpisodeOfCare", "EventDefinition", "Evidence", "EvidenceVariable",
        "ExampleScenario", "FamilyMemberHistory", "Flag", "GraphDefinition", "Immunization",
        "ImmunizationEvaluation", "ImmunizationRecommendation", "ImplementationGuide", "Invoice",
        "Library", "List", "Measure", "MeasureReport", "MessageDefinition", "NamingSystem",
        "Observation", "OperationDefinition", "OrganizationAffiliation", "PlanDefinition",
        "PractitionerRole", "Procedure", "Questionnaire", "ResearchDefinition",
        "ResearchElementDefinition", "ResearchStudy", "ResearchSubject", "RiskAssessment",
        "RiskEvidenceSynthesis", "Schedule", "SearchParameter", "StructureDefinition",
        "StructureMap", "SupplyRequest", "TerminologyCapabilities", "TestScript", "ValueSet",
    ),
    "authored": ("QuestionnaireResponse", "RequestGroup", "ServiceRequest"),
    "authored-on": ("DeviceRequest", "Task"),
    "authoredon": ("MedicationRequest",),
    "birthdate": ("Patient", "Person", "RelatedPerson"),
    "collected": ("Specimen",),
    "created": (
        "Basic", "Claim", "ClaimResponse", "CoverageEligibilityRequest",
        "CoverageEligibilityResponse", "DocumentManifest", "ExplanationOfBenefit", "Media",
        "PaymentNotice", "PaymentReconciliation",
    ),
    "datetime": ("NutritionOrder",),
    "datewritten": ("VisionPrescription",),
    "effective": ("MedicationStatement",),
    "effective-time": ("MedicationAdministration",),
    "expiration-date": ("Medication",),
    "expiry": ("Substance",),
    "identified": ("DetectedIssue",),
    "issued": ("Contract", "TestReport"),
    "occurrence": ("ChargeItem", "CommunicationRequest"),
    "onset-date": ("Condition",),
    "period": ("Account",),
    "recorded": ("Provenance",),
    "sent": ("Communication",),
    "start": ("Slot",),
    "start-date": ("Goal",),
    "started": ("ImagingStudy",),
    "timestamp": ("Bundle",),
    "whenhandedover": ("MedicationDispense",),
}  # fmt: skip

MAIN_DATE: Mapping[str, str] = MappingProxyType(
    {name: code for code, names in _TYPES_BY_CODE.items() for name in names}
)
"""Code of the search parameter by resource type, e.g. {"Observation": "date"}."""
