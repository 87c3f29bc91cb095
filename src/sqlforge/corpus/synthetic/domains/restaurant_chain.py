"""A chain of restaurants: branches, staff, dishes, suppliers, bills and table bookings."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Composed, Domain, DomainTable, Fake
from sqlforge.corpus.synthetic.shorthand import (
    category,
    date,
    flag,
    key,
    listed,
    money,
    named,
    number,
    ref,
)

TBL_RESTAURANT = DomainTable(
    name="tbl_restaurant",
    singular=("restaurant", "eatery"),
    plural=("restaurants", "eateries"),
    rows=26,
    columns=(
        key("rest_id", "restaurant number, location number"),
        named(
            "rest_name",
            "name, restaurant name",
            Composed(
                (
                    listed("Saffron, Olive, Ginger, Juniper, Pepper, Basil"),
                    listed("Table, Garden, Corner, House, Terrace, Kitchen"),
                ),
                unique=True,
            ),
        ),
        category(
            "rest_city",
            "city, town",
            "Seattle, Denver, Boston, Atlanta, Portland, Phoenix, Chicago",
        ),
        category(
            "rest_style",
            "cuisine, style of cooking",
            "Italian, Thai, Mexican, Lebanese, Japanese, American",
        ),
        number(
            "seat_count",
            "number of seats, seating capacity",
            18,
            240,
            ("largest", "smallest"),
            unit="seats",
        ),
        date(
            "opened_on",
            "opening date, day of opening",
            "2001-04-01",
            "2024-05-15",
            ("newest", "oldest"),
        ),
        money(
            "monthly_rent",
            "rent, rent per month",
            1800,
            32000,
            ("most expensive", "cheapest"),
            decimals=0,
            nulls=0.1,
        ),
        flag("has_patio", "outdoor seating, patio"),
    ),
)

TBL_STAFF = DomainTable(
    name="tbl_staff",
    singular=("staff member", "employee"),
    plural=("staff members", "employees"),
    rows=70,
    verb=("employed at",),
    columns=(
        key("staff_id", "staff number, employee number"),
        named("staff_name", "name, full name", Fake("name", unique=True)),
        ref("rest_id", "tbl_restaurant", "restaurant number, workplace number"),
        category(
            "staff_role",
            "job, position",
            "chef, sous chef, waiter, host, dishwasher, manager, bartender",
        ),
        money("hourly_pay", "pay per hour, hourly wage", 11, 48, ("best paid", "worst paid")),
        date(
            "hired_on",
            "hiring date, first working day",
            "2008-03-01",
            "2024-08-31",
            ("most recently hired", "longest serving"),
        ),
        category(
            "shift", "usual shift, working time", "breakfast, lunch, dinner, late night", nulls=0.12
        ),
    ),
)

DISH_NAMES = """Margherita Pizza, Pad Thai, Chicken Tacos, Lamb Kofta, Miso Ramen, Smash Burger,
    Mushroom Risotto, Green Curry, Black Bean Burrito, Falafel Plate, Salmon Teriyaki,
    Caesar Salad, Lasagne, Tom Yum Soup, Beef Enchiladas, Hummus Trio, Vegetable Tempura,
    Clam Chowder, Tiramisu, Mango Sticky Rice, Churros, Baklava, Mochi Ice Cream, Apple Crisp,
    Panna Cotta, Spring Rolls, Guacamole, Tabbouleh, Edamame, Onion Rings, Gnocchi,
    Massaman Curry, Fish Tacos, Shish Tawook, Katsu Curry, Pulled Pork Sandwich, Minestrone,
    Papaya Salad, Quesadilla, Lentil Soup, Gyoza, Mac and Cheese, Bruschetta, Satay Skewers,
    Nachos, Shakshuka"""

TBL_DISH = DomainTable(
    name="tbl_dish",
    singular=("dish", "menu item"),
    plural=("dishes", "menu items"),
    rows=44,
    columns=(
        key("dish_id", "dish number, menu number"),
        named("dish_name", "name, dish name", DISH_NAMES),
        category("course", "part of the meal, menu section", "starter, main, dessert, side, soup"),
        money("menu_price", "price, price on the menu", 4.5, 38, ("most expensive", "cheapest")),
        number(
            "calories",
            "energy content, calorie count",
            90,
            1450,
            ("richest", "lightest"),
            unit="calories",
            nulls=0.1,
        ),
        number(
            "prep_minutes",
            "preparation time, cooking time",
            3,
            55,
            ("slowest", "quickest"),
            unit="minutes",
        ),
        flag("is_vegan", "vegan status, vegan label"),
        category(
            "allergen",
            "main allergen, allergy warning",
            "gluten, nuts, dairy, shellfish, soy",
            nulls=0.3,
        ),
    ),
)

TBL_MENU = DomainTable(
    name="tbl_menu",
    singular=("menu entry", "dish offer"),
    plural=("menu entries", "dish offers"),
    rows=110,
    verb=("offered by", "offering"),
    columns=(
        ref("rest_id", "tbl_restaurant", "restaurant number, location number"),
        ref("dish_id", "tbl_dish", "dish number, menu number"),
        money(
            "local_price",
            "price charged, price at the restaurant",
            5,
            45,
            ("most expensive", "cheapest"),
        ),
        number(
            "sold_per_week",
            "weekly sales, portions a week",
            2,
            420,
            ("best-selling", "worst-selling"),
            unit="portions",
            nulls=0.05,
        ),
        date(
            "listed_since",
            "date of listing, first day on the menu",
            "2019-01-01",
            "2024-09-01",
            ("newest", "oldest"),
        ),
        category("spice_level", "heat level, degree of spice", "mild, medium, hot, extra hot"),
    ),
)

TBL_GUEST = DomainTable(
    name="tbl_guest",
    singular=("guest", "diner"),
    plural=("guests", "diners"),
    rows=70,
    columns=(
        key("guest_id", "guest number, diner number"),
        named("guest_name", "name, full name", Fake("name", unique=True)),
        number(
            "loyalty_points",
            "points balance, points collected",
            0,
            5200,
            ("most loyal", "least loyal"),
            unit="points",
            nulls=0.15,
        ),
        category(
            "favourite_drink",
            "preferred drink, usual drink",
            "still water, red wine, lemonade, craft beer, iced tea, espresso",
            nulls=0.2,
        ),
        date(
            "first_visit",
            "date of the first visit, first visit date",
            "2012-05-01",
            "2024-08-01",
            ("newest", "longest standing"),
        ),
    ),
)

TBL_BOOKING = DomainTable(
    name="tbl_booking",
    singular=("reservation", "booking"),
    plural=("reservations", "bookings"),
    rows=110,
    verb=("made by", "made at"),
    columns=(
        key("booking_id", "reservation number, booking number"),
        ref("guest_id", "tbl_guest", "guest number, diner number"),
        ref("rest_id", "tbl_restaurant", "restaurant number, location number"),
        date(
            "booked_for",
            "reservation date, day of the meal",
            "2023-01-05",
            "2024-11-10",
            ("latest", "earliest"),
        ),
        number(
            "party_size",
            "number of people, size of the group",
            1,
            16,
            ("largest", "smallest"),
            unit="people",
        ),
        category(
            "occasion",
            "reason, special occasion",
            "birthday, business, anniversary, date night, family meal",
            nulls=0.25,
        ),
        money(
            "total_bill", "bill, amount spent", 14, 890, ("most expensive", "cheapest"), nulls=0.1
        ),
        category(
            "outcome", "status, state of the reservation", "seated, no-show, cancelled, moved"
        ),
    ),
)

DOMAIN = Domain(
    name="restaurant_chain",
    split="train",
    tables=(TBL_RESTAURANT, TBL_STAFF, TBL_DISH, TBL_MENU, TBL_GUEST, TBL_BOOKING),
)
