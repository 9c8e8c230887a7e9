"""Names, streets and towns: common ones of many languages, combined at random."""

GIVEN_FEMALE = (
    "Amelia", "Ana", "Chloé", "Elif", "Emma", "Fatima", "Grace", "Hanna", "Ingrid", "Isabella",
    "Jasmine", "Katarzyna", "Leila", "Linnéa", "Lucía", "Mai", "Maria", "Mei", "Naomi", "Nia",
    "Olivia", "Priya", "Rosa", "Sofía", "Sophie", "Uma", "Wanjiru", "Yara", "Zoë", "Zofia",
)  # fmt: skip
GIVEN_MALE = (
    "Aaron", "Abdul", "André", "Björn", "Carlos", "Chen", "Daniel", "Dmitri", "Eero", "Émile",
    "Felix", "Hiroshi", "Ibrahim", "James", "João", "Kofi", "Liam", "Luca", "Mateo", "Mohammed",
    "Noah", "Omar", "Pavel", "Rafael", "Samuel", "Søren", "Tariq", "Thomas", "Viktor", "William",
)  # fmt: skip
FAMILY = (
    "Almeida", "Andersson", "Baker", "Bianchi", "Chen", "Costa", "Dubois", "Eriksen", "Fernández",
    "García", "Haddad", "Hansen", "Ibrahimović", "Ito", "Jensen", "Kim", "Kowalski", "Kumar",
    "Lefèvre", "Lindqvist", "Martín", "Meyer", "Mwangi", "Müller", "Nguyễn", "Novák", "O'Brien",
    "Okafor", "Patel", "Peña", "Reid", "Rossi", "Sánchez", "Schröder", "Silva", "Smith-Jones",
    "Tanaka", "Taylor", "Vasquez", "Wang", "Williams", "Yilmaz", "Zhang", "Öztürk",
)  # fmt: skip
STREETS = ("Oak Street", "Mill Lane", "Station Road", "Park Avenue", "Harbor Drive", "Elm Court")
TOWNS = (
    ("Ashford", "MA", "01001"), ("Brookfield", "MA", "01506"), ("Clearwater", "MA", "02101"),
    ("Dunmore", "NH", "03060"), ("Eastport", "ME", "04631"), ("Fairhaven", "MA", "02719"),
)  # fmt: skip
