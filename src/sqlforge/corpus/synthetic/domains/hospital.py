"""A hospital: wards, doctors, patients, admissions, treatments and prescriptions."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Domain, DomainTable, Fake, Words
from sqlforge.corpus.synthetic.shorthand import (
    category,
    date,
    fake,
    key,
    listed,
    money,
    named,
    number,
    ref,
)

WARD_NAMES = """Maple Ward, Cedar Ward, Nightingale Ward, Seacole Ward, Lister Ward,
    Fleming Ward, Curie Ward, Osler Ward, Garden Ward, Sunrise Ward, Harbour Ward,
    Blackwell Ward, Apgar Ward, Jenner Ward, Paget Ward, Stroke Unit, Burns Unit, Day Surgery,
    Emergency Ward, Birth Centre, Rehab Centre, Sleep Lab, Isolation Ward, Hospice Wing"""
WARD_SPECIALTIES = "cardiology, oncology, orthopaedics, paediatrics, neurology, surgery, geriatrics"

WARD = DomainTable(
    name="ward",
    singular=("ward", "unit"),
    plural=("wards", "units"),
    rows=22,
    columns=(
        key("ward_no", "ward number, unit number"),
        named("ward_nm", "name, ward name", WARD_NAMES),
        category("spec", "specialty, medical field", WARD_SPECIALTIES),
        number("flr", "floor, storey", 0, 9, ("highest", "lowest")),
        number(
            "bed_cnt", "number of beds, bed capacity", 6, 64, ("largest", "smallest"), unit="beds"
        ),
        money(
            "day_rate",
            "daily rate, cost per day",
            180,
            2400,
            ("most expensive", "cheapest"),
            decimals=0,
        ),
    ),
)

DOCTOR_PAGER_NUMBERS = """4410, 4417, 4423, 4431, 4456, 4478, 5102, 5119, 5127, 5140, 5166,
    5188, 6003, 6021, 6044, 6059, 6072, 6090"""

DOC = DomainTable(
    name="doc",
    singular=("doctor", "physician"),
    plural=("doctors", "physicians"),
    rows=40,
    verb=("working on",),
    columns=(
        key("doc_id", "doctor number, physician id"),
        named("doc_nm", "name, doctor name", Fake("name", unique=True)),
        ref("ward_no", "ward", "ward number, unit number"),
        category(
            "grade",
            "job grade, level of seniority",
            "consultant, registrar, resident, intern, locum",
        ),
        date(
            "lic_dt",
            "licence date, date of licensing",
            "1985-06-01",
            "2023-09-01",
            ("most recently licensed", "longest licensed"),
        ),
        money("sal", "salary, yearly pay", 58000, 310000, ("best paid", "worst paid"), decimals=0),
        named("pager", "pager number, pager code", Words(listed(DOCTOR_PAGER_NUMBERS)), nulls=0.2),
    ),
)

PAT = DomainTable(
    name="pat",
    singular=("patient", "person in care"),
    plural=("patients", "people in care"),
    rows=100,
    columns=(
        key("pat_id", "patient number, patient id"),
        named("pat_nm", "name, full name", Fake("name", unique=True)),
        date(
            "dob", "date of birth, birth date", "1932-01-01", "2022-12-31", ("youngest", "oldest")
        ),
        category("sex", "gender, sex of the patient", "female, male, other"),
        category("bld_grp", "blood group, blood type", "A+, A-, B+, B-, AB+, O+, O-", nulls=0.08),
        number(
            "wt_kg",
            "weight, body weight",
            3.1,
            142,
            ("heaviest", "lightest"),
            unit="kilograms",
            decimals=1,
            nulls=0.1,
        ),
        category(
            "insurer",
            "insurance company, health insurer",
            "MediCare Plus, Union Health, BlueLeaf, National Fund, SafeHands",
            nulls=0.12,
        ),
        fake("town", "home town, place of residence", "city"),
    ),
)

ADM = DomainTable(
    name="adm",
    singular=("admission", "hospital stay"),
    plural=("admissions", "hospital stays"),
    rows=110,
    verb=("of", "to", "supervised by"),
    columns=(
        key("adm_id", "admission number, case number"),
        ref("pat_id", "pat", "patient number, patient id"),
        ref("ward_no", "ward", "ward number, unit number"),
        ref("doc_id", "doc", "doctor number, physician id"),
        date(
            "adm_dt",
            "admission date, day of admission",
            "2022-01-01",
            "2024-09-30",
            ("latest", "earliest"),
        ),
        date("dis_dt", "discharge date, day of discharge", "2022-01-05", "2024-11-15", nulls=0.15),
        category("urg", "priority level, level of urgency", "emergency, urgent, routine, elective"),
        money(
            "bill_amt", "bill, total charge", 220, 48000, ("most expensive", "cheapest"), nulls=0.1
        ),
    ),
)

DRUG_NAMES = """amoxicillin, ibuprofen, paracetamol, metformin, atorvastatin, omeprazole,
    lisinopril, salbutamol, morphine, heparin, insulin glargine, prednisone, diazepam, warfarin,
    furosemide, sertraline, cetirizine, doxycycline, ramipril, levothyroxine, fentanyl,
    ondansetron, naproxen, gabapentin, vancomycin, ketamine, digoxin, codeine, aspirin,
    tramadol, bisoprolol, loperamide"""

DRUG = DomainTable(
    name="drug",
    singular=("drug", "medicine"),
    plural=("drugs", "medicines"),
    rows=30,
    columns=(
        key("drug_id", "drug number, medicine id"),
        named("drug_nm", "name, drug name", DRUG_NAMES),
        category(
            "form", "dosage form, pharmaceutical form", "tablet, capsule, syrup, injection, inhaler"
        ),
        money("pk_price", "price per pack, pack price", 1.2, 390, ("most expensive", "cheapest")),
        number("stock_qty", "stock level, packs in stock", 0, 900, unit="packs"),
        category(
            "maker",
            "manufacturer, producer",
            "Norvella, Helix Pharma, Brightwell, Castor Labs, Zenova",
            nulls=0.07,
        ),
    ),
)

RX = DomainTable(
    name="rx",
    singular=("prescription", "medication order"),
    plural=("prescriptions", "medication orders"),
    rows=120,
    verb=("written for", "for"),
    columns=(
        ref("adm_id", "adm", "admission number, case number"),
        ref("drug_id", "drug", "drug number, medicine id"),
        number(
            "dose_mg",
            "dose, dosage in milligrams",
            2,
            1000,
            ("strongest", "weakest"),
            unit="milligrams",
        ),
        number(
            "days", "duration, length of the course", 1, 42, ("longest", "shortest"), unit="days"
        ),
        category(
            "route",
            "way of giving, route of administration",
            "oral, intravenous, inhaled, topical, subcutaneous",
        ),
        date(
            "start_dt", "start date, first day", "2022-01-02", "2024-10-15", ("latest", "earliest")
        ),
    ),
)

DOMAIN = Domain(name="hospital", split="train", tables=(WARD, DOC, PAT, ADM, DRUG, RX))
