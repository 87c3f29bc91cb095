"""A university: departments, teachers, students, courses and enrolments."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Dates, Domain, Fake, Numbers
from sqlforge.corpus.synthetic.notation import col, composed, key, link, listed, table

DEPARTMENTS = table(
    "departments",
    "department, academic department",
    "departments, academic departments",
    20,
    "",
    key("dept_id", "department number, department id"),
    col(
        "dept_name",
        "name",
        "name, department name, title",
        listed(
            """Physics, Mathematics, Computer Science, Linguistics, History, Economics,
            Philosophy, Chemistry, Biology, Law, Sociology, Psychology, Music, Architecture,
            Geography, Statistics, Political Science, Civil Engineering, Anthropology,
            Fine Arts, Astronomy, Mechanical Engineering, Classics, Nursing""",
            unique=True,
        ),
    ),
    col(
        "faculty",
        "category",
        "faculty, school",
        listed("Science, Arts, Engineering, Social Sciences, Medicine"),
    ),
    col(
        "building",
        "category",
        "building, location",
        listed("Newton Hall, Old Court, Riverside Block, Curie Building, Hamilton House, Annex B"),
    ),
    col(
        "annual_budget",
        "money",
        "annual budget, budget, yearly funds",
        Numbers(250000, 6000000),
        "best funded, worst funded",
        "dollars",
    ),
    col(
        "founded_year",
        "year",
        "founding year, year of foundation",
        Numbers(1850, 2015),
        "newest, oldest",
    ),
)

INSTRUCTORS = table(
    "instructors",
    "instructor, teacher",
    "instructors, teachers",
    45,
    "working in",
    key("instructor_id", "instructor number, staff number"),
    col("full_name", "name", "name, full name", Fake("name", unique=True)),
    link("dept_id", "departments", "department number, department id"),
    col(
        "academic_rank",
        "category",
        "rank, academic rank, position",
        listed("Professor, Associate Professor, Assistant Professor, Lecturer, Visiting Fellow"),
    ),
    col(
        "salary",
        "money",
        "salary, pay",
        Numbers(42000, 165000),
        "best paid, worst paid",
        "dollars",
    ),
    col(
        "hire_date",
        "date",
        "hiring date, start date",
        Dates("1992-09-01", "2024-02-01"),
        "most recently hired, longest serving",
    ),
    col(
        "office",
        "category",
        "office, room",
        listed("A101, A114, B207, B220, C310, C315, D002, D118"),
        share_null=0.15,
    ),
)

STUDENTS = table(
    "students",
    "student, learner",
    "students, learners",
    90,
    "majoring in",
    key("student_id", "student number, student id"),
    col("full_name", "name", "name, full name", Fake("name", unique=True)),
    link("major_dept_id", "departments", "major department number, department of the major"),
    col("home_city", "category", "home city, home town", Fake("city")),
    col(
        "degree_level",
        "category",
        "degree level, level of study",
        listed("Bachelor, Master, Doctorate, Exchange, Certificate"),
    ),
    col("gpa", "number", "grade point average, average grade", Numbers(1.8, 4.0, 2, 0.05)),
    col(
        "birth_date",
        "date",
        "birth date, date of birth",
        Dates("1988-01-01", "2006-09-30"),
        "youngest, oldest",
    ),
    col("enrolled_year", "year", "year of entry, entry year", Numbers(2015, 2024)),
)

COURSES = table(
    "courses",
    "course, class",
    "courses, classes",
    60,
    "offered by, taught by",
    key("course_id", "course number, course id"),
    col(
        "title",
        "name",
        "title, course name",
        composed(
            "Introduction to, Foundations of, Topics in, Advanced, Applied",
            """Algebra, Genetics, Logic, Databases, Microeconomics, Acoustics, Grammar, Ethics,
            Thermodynamics, Cartography, Statistics, Optics, Ecology, Robotics, Rhetoric""",
            unique=True,
        ),
    ),
    link("dept_id", "departments", "department number, department id"),
    link("instructor_id", "instructors", "instructor number, teacher id"),
    col(
        "credits",
        "number",
        "number of credits, credit value",
        Numbers(1, 6),
        unit="credits",
    ),
    col(
        "seat_limit",
        "number",
        "seat limit, maximum class size",
        Numbers(12, 320),
        "largest, smallest",
        "seats",
    ),
    col("term", "category", "term, semester", listed("Autumn, Spring, Summer, Winter")),
    col(
        "course_fee",
        "money",
        "course fee, tuition",
        Numbers(150, 2400, 0, 0.1),
        "most expensive, cheapest",
        "dollars",
    ),
)

ENROLMENTS = table(
    "enrolments",
    "enrolment, course registration",
    "enrolments, course registrations",
    120,
    "made by, made for",
    link("student_id", "students", "student number, student id"),
    link("course_id", "courses", "course number, course id"),
    col(
        "enrol_date",
        "date",
        "enrolment date, registration date",
        Dates("2021-08-15", "2024-09-20"),
        "latest, earliest",
    ),
    col(
        "status",
        "category",
        "status, enrolment status",
        listed("active, completed, withdrawn, auditing, waitlisted"),
    ),
    col("final_mark", "number", "final mark, score", Numbers(31, 100, 0, 0.2), "best, worst"),
)

SCHOLARSHIPS = table(
    "scholarships",
    "scholarship, grant",
    "scholarships, grants",
    30,
    "awarded to",
    key("scholarship_id", "scholarship number, grant id"),
    link("student_id", "students", "student number, student id"),
    col(
        "fund_name",
        "name",
        "fund name, name of the fund",
        composed(
            "Harrow, Pemberton, Okafor, Lindqvist, Castellano, Whitlock, Ivanova, Nakagawa",
            "Merit Award, Travel Fund, Research Bursary, Memorial Fund",
        ),
    ),
    col(
        "amount",
        "money",
        "amount, value",
        Numbers(500, 20000),
        "most generous, smallest",
        "dollars",
    ),
    col("award_year", "year", "year of award, award year", Numbers(2016, 2024), "latest, earliest"),
)

DOMAIN = Domain(
    "university", "train", (DEPARTMENTS, INSTRUCTORS, STUDENTS, COURSES, ENROLMENTS, SCHOLARSHIPS)
)
