"""A school district: schools, teachers, pupils, subjects taught, rosters and bus routes."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Composed, Domain, DomainTable, Fake
from sqlforge.corpus.synthetic.shorthand import (
    category,
    date,
    fake,
    flag,
    key,
    listed,
    money,
    named,
    number,
    ref,
    year,
)

SCHOOL_PARTS = (
    listed("Maple Grove, Riverside, Lincoln Park, Cedar Hill, Eastbrook, Franklin, Stonebridge"),
    listed("School, Academy, Campus, Learning Center"),
)
SUBJECT_PARTS = (
    listed("Introductory, Intermediate, Advanced, Applied"),
    listed("Algebra, Chemistry, Geography, Drama, Spanish, Statistics, Ceramics, Robotics, Health"),
)
ROUTE_PARTS = (
    listed("North, South, East, West, Valley, Hillside, Lakeshore"),
    listed("Loop, Line, Shuttle, Run, Route"),
)

DOMAIN = Domain(
    name="school_district",
    split="train",
    tables=(
        DomainTable(
            name="School",
            singular=("school", "campus"),
            plural=("schools", "campuses"),
            rows=24,
            columns=(
                key("SchoolID", "school number, school code"),
                named("SchoolName", "name, school name", Composed(SCHOOL_PARTS, unique=True)),
                fake("Principal", "head, name of the principal", "name"),
                category("GradeBand", "grades offered, grade range", "K-5, 6-8, 9-12, K-8, K-12"),
                number(
                    "Capacity",
                    "number of places, room for pupils",
                    180,
                    2400,
                    ("largest", "smallest"),
                    unit="pupils",
                ),
                money(
                    "AnnualBudget",
                    "budget, yearly budget",
                    900000,
                    14800000,
                    ("best funded", "worst funded"),
                    decimals=0,
                ),
                year(
                    "OpenedYear",
                    "opening year, year of foundation",
                    1911,
                    2020,
                    ("newest", "oldest"),
                ),
            ),
        ),
        DomainTable(
            name="Teacher",
            singular=("teacher", "member of the faculty"),
            plural=("teachers", "members of the faculty"),
            rows=60,
            verb=("teaching at",),
            columns=(
                key("TeacherID", "teacher number, staff number"),
                named("TeacherName", "name, full name", Fake("name")),
                ref("SchoolID", "School", "school, workplace"),
                category(
                    "Degree",
                    "academic degree, qualification",
                    "bachelor, master, doctorate, teaching certificate",
                ),
                money(
                    "Salary",
                    "pay, yearly salary",
                    38000,
                    97000,
                    ("best paid", "worst paid"),
                    decimals=0,
                ),
                date(
                    "HireDate",
                    "hiring date, start date",
                    "1988-08-15",
                    "2024-01-08",
                    ("newest", "longest-serving"),
                ),
                number(
                    "SickDays",
                    "number of sick days, sick leave in days",
                    0,
                    24,
                    unit="days",
                    nulls=0.15,
                ),
            ),
        ),
        DomainTable(
            name="BusRoute",
            singular=("bus route", "school bus line"),
            plural=("bus routes", "school bus lines"),
            rows=26,
            verb=("serving",),
            columns=(
                key("RouteID", "route number, route code"),
                named("RouteName", "name, route name", Composed(ROUTE_PARTS, unique=True)),
                ref("SchoolID", "School", "school, destination"),
                number("Stops", "number of stops, stop count", 4, 31),
                number(
                    "Miles",
                    "length, distance",
                    2.5,
                    38,
                    ("longest", "shortest"),
                    decimals=1,
                    unit="miles",
                ),
                category(
                    "BusType",
                    "vehicle, kind of bus",
                    "full-size, minibus, wheelchair van, electric",
                    nulls=0.1,
                ),
            ),
        ),
        DomainTable(
            name="Student",
            singular=("student", "pupil"),
            plural=("students", "pupils"),
            rows=110,
            verb=("riding",),
            columns=(
                key("StudentID", "student number, pupil number"),
                named("FirstName", "given name, forename", Fake("first_name")),
                named("LastName", "surname, family name", Fake("last_name")),
                date(
                    "BirthDate",
                    "date of birth, birthday",
                    "2006-01-05",
                    "2018-12-20",
                    ("youngest", "oldest"),
                ),
                number("GradeLevel", "grade, class year", 1, 12, ("most senior", "most junior")),
                number(
                    "GPA",
                    "grade point average, overall mark",
                    1.4,
                    4,
                    ("best", "weakest"),
                    decimals=2,
                    nulls=0.15,
                ),
                category(
                    "LunchPlan", "lunch, meal plan", "full price, reduced, free, packed lunch"
                ),
                ref("RouteID", "BusRoute", "bus route, ride to school"),
            ),
        ),
        DomainTable(
            name="Subject",
            singular=("subject", "course"),
            plural=("subjects", "courses"),
            rows=34,
            verb=("taught by",),
            columns=(
                key("SubjectID", "subject number, course code"),
                named("SubjectTitle", "title, subject name", Composed(SUBJECT_PARTS, unique=True)),
                ref("TeacherID", "Teacher", "teacher, instructor"),
                category(
                    "Department",
                    "field, subject area",
                    "science, mathematics, languages, arts, social studies",
                ),
                number(
                    "WeeklyHours",
                    "weekly teaching time, number of hours per week",
                    1,
                    8,
                    unit="hours",
                ),
                number("MaxSeats", "class size, number of seats", 10, 36, ("largest", "smallest")),
                money(
                    "MaterialFee",
                    "fee, cost of materials",
                    5,
                    90,
                    ("most expensive", "cheapest"),
                    nulls=0.35,
                ),
                flag("Elective", "elective status, free choice"),
            ),
        ),
        DomainTable(
            name="Roster",
            singular=("enrolment", "roster entry"),
            plural=("enrolments", "roster entries"),
            rows=120,
            verb=("of", "in"),
            columns=(
                ref("StudentID", "Student", "student, pupil"),
                ref("SubjectID", "Subject", "subject, course"),
                date(
                    "EnrolledOn",
                    "enrolment date, day of enrolment",
                    "2023-08-10",
                    "2024-02-20",
                    ("latest", "earliest"),
                ),
                number(
                    "FinalScore",
                    "final mark, points scored",
                    38,
                    100,
                    ("best", "worst"),
                    unit="points",
                    nulls=0.15,
                ),
                number("Absences", "number of absences, number of missed lessons", 0, 17),
                category("Standing", "result, outcome", "passed, failed, withdrawn, in progress"),
            ),
        ),
    ),
)
