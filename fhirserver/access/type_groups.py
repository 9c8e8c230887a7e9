"""Resource types in groups, for what is said of all types of a kind.

Spec: https://hl7.org/fhir/R4/resourcelist.html

Every type that can be stored is in one group. Groups in IMPERSONAL are about nobody in particular:
what they hold is in reach of those whose role may, whoever they care for. Of these, a `patient/`
scope reaches those in SHARED, to read and search: what a record refers to.
"""

GROUPS: dict[str, tuple[str, ...]] = {
    "people": ("Patient", "Person", "RelatedPerson"),
    "diagnoses": ("Condition", "Procedure"),
    "chart": (
        "AdverseEvent", "AllergyIntolerance", "Basic", "BiologicallyDerivedProduct",
        "BodyStructure", "CarePlan", "CareTeam", "ClinicalImpression", "DetectedIssue",
        "DeviceUseStatement", "DiagnosticReport", "FamilyMemberHistory", "Flag", "Goal",
        "GuidanceResponse", "ImagingStudy", "Immunization", "ImmunizationEvaluation",
        "ImmunizationRecommendation", "MeasureReport", "MedicationAdministration",
        "MedicationDispense", "MedicationStatement", "MolecularSequence", "Observation",
        "RiskAssessment", "Specimen", "SupplyDelivery",
    ),
    "answers": ("QuestionnaireResponse",),
    "orders": (
        "DeviceRequest", "MedicationRequest", "NutritionOrder", "RequestGroup", "ServiceRequest",
        "SupplyRequest", "VisionPrescription",
    ),
    "visits": ("Encounter", "EpisodeOfCare"),
    "appointments": ("Appointment", "AppointmentResponse", "Schedule"),
    "slots": ("Slot",),
    "documents": (
        "Binary", "Bundle", "Composition", "DocumentManifest", "DocumentReference", "List", "Media",
    ),
    "messages": ("Communication", "CommunicationRequest"),
    "tasks": ("Task",),
    "devices": ("Device", "DeviceMetric"),
    "consents": ("Consent",),
    "provenance": ("Provenance",),
    "audit": ("AuditEvent",),
    "coverage": (
        "Coverage", "CoverageEligibilityRequest", "CoverageEligibilityResponse",
        "EnrollmentRequest", "EnrollmentResponse",
    ),
    "billing": (
        "Account", "ChargeItem", "Claim", "ClaimResponse", "Contract", "ExplanationOfBenefit",
        "Invoice", "PaymentNotice", "PaymentReconciliation",
    ),
    "cohorts": ("Group", "ResearchSubject"),
    "directory": (
        "HealthcareService", "Location", "Organization", "Practitioner", "PractitionerRole",
    ),
    "substances": ("Medication", "Substance"),
    "definitions": (
        "CapabilityStatement", "CodeSystem", "CompartmentDefinition", "ConceptMap",
        "ExampleScenario", "GraphDefinition", "ImplementationGuide", "MessageDefinition",
        "NamingSystem", "OperationDefinition", "SearchParameter", "StructureDefinition",
        "StructureMap", "TerminologyCapabilities", "ValueSet",
    ),
    "knowledge": (
        "ActivityDefinition", "CatalogEntry", "ChargeItemDefinition", "DeviceDefinition",
        "EffectEvidenceSynthesis", "EventDefinition", "Evidence", "EvidenceVariable",
        "InsurancePlan", "Library", "Measure", "MedicationKnowledge", "MedicinalProduct",
        "MedicinalProductAuthorization", "MedicinalProductContraindication",
        "MedicinalProductIndication", "MedicinalProductIngredient", "MedicinalProductInteraction",
        "MedicinalProductManufactured", "MedicinalProductPackaged",
        "MedicinalProductPharmaceutical", "MedicinalProductUndesirableEffect",
        "ObservationDefinition", "OrganizationAffiliation", "PlanDefinition", "Questionnaire",
        "ResearchDefinition", "ResearchElementDefinition", "ResearchStudy",
        "RiskEvidenceSynthesis", "SpecimenDefinition", "SubstanceNucleicAcid", "SubstancePolymer",
        "SubstanceProtein", "SubstanceReferenceInformation", "SubstanceSourceMaterial",
        "SubstanceSpecification",
    ),
    "system": ("Endpoint", "OperationOutcome", "Subscription", "TestReport", "TestScript"),
    "other": ("Linkage", "MessageHeader", "VerificationResult"),
}  # fmt: skip

GROUP_OF = {type_: group for group, types in GROUPS.items() for type_ in types}


def types_of(*groups: str) -> frozenset[str]:
    """Give the types of some groups."""
    return frozenset(type_ for group in groups for type_ in GROUPS[group])


SHARED = types_of("directory", "substances", "definitions")
IMPERSONAL = SHARED | types_of("slots", "knowledge")
