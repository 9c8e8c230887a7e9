"""HL7's examples that break HL7's own rules, and the words of the rule that refuses each."""

REFUSED: dict[str, str] = {}
