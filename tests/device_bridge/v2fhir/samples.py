"""One message of each kind, with something in each field that is read."""

from tests.device_bridge.v2fhir.feed import HOSPITAL, PID, PV1, segment

PATIENT = f"Patient?identifier={HOSPITAL}|P1"

FULL = (
    "EVN|A01|20260504090000+0000",
    PID
    + "|||1 Main St^^Town^ST^99^US^H||^PRN^PH^^^555^1234567|^WPN^PH^^^555^7654321|en|M"
    + "|||||||||2||||20260601120000+0000|Y",
    PV1,
    "NK1|1|Doe^John|SPO^Spouse^HL70063|1 Main St|^PRN^PH^^^555^1||N",
    "NK1|2|Doe^Ann|MTH",
    "AL1|1|DA|P^Penicillin^L|SV|Rash~Fever|20200101",
    "AL1|2|FA|^Peanuts|MI",
    "DG1|1||I21^Infarction^I10||20260504|A",
    segment(
        "IN1",
        f2="PLAN^Plan A",
        f3="INS^^^HOSP",
        f4="Insurer Inc",
        f8="G1",
        f12="20260101",
        f13="20261231",
        f17="SEL",
        f36="POL7",
    ),
)

LAB = (
    PID,
    PV1,
    "ORC|RE|R1^LAB|F1^LAB||CM||||20260504060000+0000|||9^Ref^Ann^^^^^^HOSP",
    "OBR|1|R1^LAB|F1^LAB|24323-8^Metabolic panel^LN|R||20260504070000+0000|||||||||||||||"
    + "20260504085900+0000||CH|F",
    "NTE|1||haemolytic",
    "OBX|1|NM|2345-7^Glucose^LN||6.10|mmol/L^^UCUM|3.9-5.6|H|||F|||20260504070100+0000||5^Tech^Tom",
    "NTE|1||fasting",
    "OBX|2|SN|2951-2^Sodium^LN||<^120|mmol/L^^UCUM||LL|||P",
    "OBX|3|CWE|600-7^Culture^LN||112283007^E. coli^SCT||||||C",
    "OBX|4|NM|8867-4^Rate^LN||60~72|/min^^UCUM|||||F",
    "OBX|5|SN|5811-5^Titre^LN||^1^:^128||||||F",
    "OBX|6|SN|5769-5^Bacteria^LN||^5^-^10|/[HPF]^^UCUM||||F",
    "OBX|7|TX|8251-1^Comment^LN||line 1~line 2||||||F",
    "OBX|8|DT|11368-8^Onset^LN||20260430||||||F",
    "OBX|9|TM|1-8^Time^LN||0715||||||F",
    "OBX|10|ED|PDF^Report^L||^application^pdf^Base64^JVBERi0x||||||F",
    "OBX|11|NM|1-9^None^LN||||||||X",
    "SPM|1|&&&^S7&LAB||SER^Serum^HL70487|||||||||||||20260504065500+0000|20260504071500+0000",
)

OTHERS = {
    "VXU^V04": (
        PID,
        "ORC|RE|7^LAB|8^LAB||||||20260504080000+0000|||4^Ord^Olga^^^^^^HOSP",
        "RXA|0|1|20260504||141^Influenza^CVX|0.5|mL^^UCUM||00^New^NIP001|5^Nurse^Ned^^^^^^HOSP|"
        + "^^^Clinic||||L77|20270101|SKB^GSK^MVX|||CP|A",
        "RXR|IM^Intramuscular^HL70162|LA^Left arm^HL70163",
        "OBX|1|CE|64994-7^Eligibility^LN||V01^Not eligible^HL70064||||||F",
        "OBX|2|CE|30963-3^Funding^LN||PHC70^Private^L||||||F",
    ),
    "SIU^S12": (
        "SCH|10^LAB|11^LAB||||ROUTINE^x^HL70276|CHECKUP^x^HL70276|ROUTINE|||||||||||||||||Booked",
        "NTE|1||Bring glasses",
        "NTE|2||No food",
        PID,
        "RGS|1",
        "AIS|1||99^Eye test^L|20260601093000+0200|||45|min^^UCUM||Booked",
        "AIL|1||EYE^3",
        "AIP|1||6^Eye^Iris^^^^^^HOSP|D^Doctor^L",
    ),
    "MDM^T02": (
        PID,
        PV1,
        "TXA|1|DS^Discharge^HL70270|TX|20260504080000+0000||20260504083000+0000|||"
        + "6^Eye^Iris^^^^^^HOSP|||D1^LAB|D0^LAB||||AU|R|AV",
        "OBX|1|TX|1^x^L||Dear colleague,||||||F",
        "OBX|2|TX|1^x^L||goodbye.||||||F",
    ),
    "ORM^O01": (
        PID,
        "ORC|NW|R1^LAB|||||||20260504080000+0000|||4^Ord^Olga^^^^^^HOSP",
        "OBR|1|R1^LAB||24323-8^Panel^LN|S",
        "NTE|1||please hurry",
        "DG1|1||E10^Diabetes^I10",
    ),
}
