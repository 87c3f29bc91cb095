"""A university: departments, teachers, students, courses and enrolments."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Composed, Domain, DomainTable, Fake
from sqlforge.corpus.synthetic.shorthand import (
    category,
    date,
    key,
    listed,
    money,
    named,
    number,
    ref,
    year,
)

DEPARTMENT_NAMES = """Physics, Mathematics, Computer Science, Linguistics, History, Economics,
    Philosophy, Chemistry, Biology, Law, Sociology, Psychology, Music, Architecture, Geography,
    Statistics, Political Science, Civil Engineering, Anthropology, Fine Arts, Astronomy,
    Mechanical Engineering, Classics, Nursing"""
DEPARTMENT_BUILDINGS = """Newton Hall, Old Court, Riverside Block, Curie Building,
    Hamilton House, Annex B"""

DEPARTMENTS = DomainTable(
    name="departments",
    singular=("department", "academic department"),
    plural=("departments", "academic departments"),
    rows=20,
    columns=(
        key("dept_id", "department number, department id"),
        named("dept_name", "name, department name, title", DEPARTMENT_NAMES),
        category(
            "faculty", "faculty, school", "Science, Arts, Engineering, Social Sciences, Medicine"
        ),
        category("building", "building, location", DEPARTMENT_BUILDINGS),
        money(
            "annual_budget",
            "annual budget, budget, yearly funds",
            250000,
            6000000,
            ("best funded", "worst funded"),
            decimals=0,
        ),
        year("founded_year", "founding year, year of foundation", 1850, 2015, ("newest", "oldest")),
    ),
)

INSTRUCTORS = DomainTable(
    name="instructors",
    singular=("instructor", "teacher"),
    plural=("instructors", "teachers"),
    rows=45,
    verb=("working in",),
    columns=(
        key("instructor_id", "instructor number, staff number"),
        named("full_name", "name, full name", Fake("name", unique=True)),
        ref("dept_id", "departments", "department number, department id"),
        category(
            "academic_rank",
            "rank, academic rank, position",
            "Professor, Associate Professor, Assistant Professor, Lecturer, Visiting Fellow",
        ),
        money("salary", "salary, pay", 42000, 165000, ("best paid", "worst paid"), decimals=0),
        date(
            "hire_date",
            "hiring date, start date",
            "1992-09-01",
            "2024-02-01",
            ("most recently hired", "longest serving"),
        ),
        category(
            "office", "office, room", "A101, A114, B207, B220, C310, C315, D002, D118", nulls=0.15
        ),
    ),
)

STUDENTS = DomainTable(
    name="students",
    singular=("student", "learner"),
    plural=("students", "learners"),
    rows=90,
    verb=("majoring in",),
    columns=(
        key("student_id", "student number, student id"),
        named("full_name", "name, full name", Fake("name", unique=True)),
        ref("major_dept_id", "departments", "major department number, department of the major"),
        category(
            "home_city",
            "home city, home town",
            "Boston, Lisbon, Nairobi, Prague, Toronto, Hanoi, Bogota, Leeds, Gdansk",
        ),
        category(
            "degree_level",
            "degree level, level of study",
            "Bachelor, Master, Doctorate, Exchange, Certificate",
        ),
        number("gpa", "grade point average, average grade", 1.8, 4, decimals=2, nulls=0.05),
        date(
            "birth_date",
            "birth date, date of birth",
            "1988-01-01",
            "2006-09-30",
            ("youngest", "oldest"),
        ),
        year("enrolled_year", "year of entry, entry year", 2015, 2024),
    ),
)

COURSE_TITLE_STARTS = "Introduction to, Foundations of, Topics in, Advanced, Applied"
COURSE_TITLE_ENDS = """Algebra, Genetics, Logic, Databases, Microeconomics, Acoustics, Grammar,
    Ethics, Thermodynamics, Cartography, Statistics, Optics, Ecology, Robotics, Rhetoric"""

COURSES = DomainTable(
    name="courses",
    singular=("course", "class"),
    plural=("courses", "classes"),
    rows=60,
    verb=("offered by", "taught by"),
    columns=(
        key("course_id", "course number, course id"),
        named(
            "title",
            "title, course name",
            Composed((listed(COURSE_TITLE_STARTS), listed(COURSE_TITLE_ENDS)), unique=True),
        ),
        ref("dept_id", "departments", "department number, department id"),
        ref("instructor_id", "instructors", "instructor number, teacher id"),
        number("credits", "number of credits, credit value", 1, 6, unit="credits"),
        number(
            "seat_limit",
            "seat limit, maximum class size",
            12,
            320,
            ("largest", "smallest"),
            unit="seats",
        ),
        category("term", "term, semester", "Autumn, Spring, Summer, Winter"),
        money(
            "course_fee",
            "course fee, tuition fee",
            150,
            2400,
            ("most expensive", "cheapest"),
            decimals=0,
            nulls=0.1,
        ),
    ),
)

ENROLMENTS = DomainTable(
    name="enrolments",
    singular=("enrolment", "course registration"),
    plural=("enrolments", "course registrations"),
    rows=120,
    verb=("made by", "made for"),
    columns=(
        ref("student_id", "students", "student number, student id"),
        ref("course_id", "courses", "course number, course id"),
        date(
            "enrol_date",
            "enrolment date, registration date",
            "2021-08-15",
            "2024-09-20",
            ("latest", "earliest"),
        ),
        category(
            "status",
            "status, enrolment status",
            "active, completed, withdrawn, auditing, waitlisted",
        ),
        number("final_mark", "final mark, score", 31, 100, ("best", "worst"), nulls=0.2),
    ),
)

SCHOLARSHIP_FUND_NAME_STARTS = """Harrow, Pemberton, Okafor, Lindqvist, Castellano, Whitlock,
    Ivanova, Nakagawa"""

SCHOLARSHIPS = DomainTable(
    name="scholarships",
    singular=("scholarship", "grant"),
    plural=("scholarships", "grants"),
    rows=30,
    verb=("awarded to",),
    columns=(
        key("scholarship_id", "scholarship number, grant id"),
        ref("student_id", "students", "student number, student id"),
        named(
            "fund_name",
            "fund name, fund",
            Composed(
                (
                    listed(SCHOLARSHIP_FUND_NAME_STARTS),
                    listed("Merit Award, Travel Fund, Research Bursary, Memorial Fund"),
                )
            ),
        ),
        money("amount", "amount, value", 500, 20000, ("most generous", "smallest"), decimals=0),
        year("award_year", "year of award, award year", 2016, 2024, ("latest", "earliest")),
    ),
)

DOMAIN = Domain(
    name="university",
    split="train",
    tables=(DEPARTMENTS, INSTRUCTORS, STUDENTS, COURSES, ENROLMENTS, SCHOLARSHIPS),
)
