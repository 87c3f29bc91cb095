"""An online shop: customers, products, suppliers, orders, order lines and reviews."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Composed, Domain, DomainTable, Fake, Words
from sqlforge.corpus.synthetic.shorthand import (
    category,
    date,
    key,
    listed,
    money,
    named,
    number,
    ref,
)

CUSTOMER = DomainTable(
    name="customer",
    singular=("customer", "shopper"),
    plural=("customers", "shoppers"),
    rows=80,
    columns=(
        key("id", "customer number, customer id"),
        named("name", "full name, customer name", Fake("name", unique=True)),
        named("email", "email address, e-mail", Fake("email", unique=True), nulls=0.1),
        category(
            "country",
            "country of residence, home country",
            "Germany, Canada, Japan, Brazil, Kenya, France, Australia, Norway",
        ),
        category(
            "membership", "membership tier, loyalty level", "bronze, silver, gold, platinum, none"
        ),
        date(
            "joined_on",
            "sign-up date, joining date",
            "2017-03-01",
            "2024-06-30",
            ("newest", "longest standing"),
        ),
        money("store_credit", "store credit balance, shop credit", 0, 250, nulls=0.15),
    ),
)

SUPPLIER = DomainTable(
    name="supplier",
    singular=("supplier", "vendor"),
    plural=("suppliers", "vendors"),
    rows=20,
    columns=(
        key("id", "supplier number, supplier id"),
        named("company", "company name, name", Fake("company", unique=True)),
        category(
            "city",
            "home city, location",
            "Rotterdam, Shenzhen, Porto, Leipzig, Austin, Osaka, Gdansk",
        ),
        number(
            "rating",
            "supplier rating, quality score",
            1,
            5,
            ("best rated", "worst rated"),
            decimals=1,
        ),
        number(
            "lead_days",
            "lead time, delivery time in days",
            2,
            45,
            ("slowest", "fastest"),
            unit="days",
        ),
        date(
            "contract_until",
            "contract end date, end of the contract",
            "2024-01-31",
            "2027-12-31",
            nulls=0.2,
        ),
    ),
)

PRODUCT_NAME_STARTS = "Compact, Classic, Ultra, Eco, Nordic, Foldable, Smart, Vintage"
PRODUCT_NAME_ENDS = """Desk Lamp, Backpack, Kettle, Headphones, Notebook, Office Chair,
    Water Bottle, Yoga Mat, Phone Stand, Wall Clock, Rain Jacket, Keyboard, Travel Mug,
    Bookshelf, Toaster"""

PRODUCT = DomainTable(
    name="product",
    singular=("product", "item"),
    plural=("products", "items"),
    rows=70,
    verb=("supplied by",),
    columns=(
        key("id", "product number, item id"),
        named(
            "title",
            "name, product name",
            Composed((listed(PRODUCT_NAME_STARTS), listed(PRODUCT_NAME_ENDS)), unique=True),
        ),
        ref("supplier_id", "supplier", "supplier number, vendor id"),
        category(
            "category",
            "product category, kind of product",
            "Electronics, Home, Sports, Stationery, Clothing, Kitchen, Furniture",
        ),
        category(
            "colour",
            "color, shade",
            "black, white, forest green, navy, red, sand, graphite",
            nulls=0.1,
        ),
        money("unit_price", "price, cost per piece", 4, 480, ("most expensive", "cheapest")),
        number("stock", "stock level, quantity in stock", 0, 600, unit="pieces"),
        number(
            "weight_g",
            "weight, weight in grams",
            40,
            18000,
            ("heaviest", "lightest"),
            unit="grams",
            nulls=0.1,
        ),
    ),
)

PURCHASE = DomainTable(
    name="purchase",
    singular=("order", "purchase"),
    plural=("orders", "purchases"),
    rows=110,
    verb=("placed by",),
    columns=(
        key("id", "order number, purchase id"),
        ref("customer_id", "customer", "customer number, shopper id"),
        date(
            "placed_on",
            "order date, day of purchase",
            "2022-01-02",
            "2024-10-31",
            ("most recent", "earliest"),
        ),
        date("shipped_on", "shipping date, day of dispatch", "2022-01-04", "2024-11-10", nulls=0.2),
        category(
            "payment",
            "payment method, way of paying",
            "credit card, bank transfer, wallet, invoice, gift card",
        ),
        category(
            "state", "order status, stage", "open, packed, shipped, delivered, returned, cancelled"
        ),
        money("shipping_fee", "delivery charge, shipping cost", 0, 24.9),
        category(
            "coupon",
            "coupon code, discount code",
            "WELCOME10, SPRING5, FRIENDS, BLACKFRIDAY, FREESHIP",
            nulls=0.6,
        ),
    ),
)

PURCHASE_LINE = DomainTable(
    name="purchase_line",
    singular=("order line", "line item"),
    plural=("order lines", "line items"),
    rows=120,
    verb=("on", "for"),
    columns=(
        ref("purchase_id", "purchase", "order number, purchase id"),
        ref("product_id", "product", "product number, item id"),
        number("quantity", "number of pieces, ordered amount", 1, 12, unit="pieces"),
        money(
            "line_total", "total of the line, line amount", 4, 1900, ("most expensive", "cheapest")
        ),
        category("gift_wrap", "wrapping, kind of wrapping", "none, plain, birthday, festive"),
    ),
)

REVIEW_TITLES = """Does the job, Love it, Broke after a week, Great value, Not as pictured,
    Would buy again, Too small for me, Solid build, Arrived late, Perfect gift,
    Better than expected, Feels cheap, Simply lovely, Missing parts, Five years and counting"""

REVIEW = DomainTable(
    name="review",
    singular=("review", "product review"),
    plural=("reviews", "product reviews"),
    rows=90,
    verb=("written about", "written by"),
    columns=(
        key("id", "review number, review id"),
        ref("product_id", "product", "product number, item id"),
        ref("customer_id", "customer", "customer number, shopper id"),
        number(
            "stars",
            "star rating, number of stars",
            1,
            5,
            ("most favourable", "harshest"),
            unit="stars",
        ),
        named("headline", "title, review heading", Words(listed(REVIEW_TITLES))),
        date(
            "posted_on",
            "posting date, review date",
            "2022-02-01",
            "2024-11-30",
            ("latest", "earliest"),
        ),
        number(
            "helpful_votes",
            "number of helpful votes, helpfulness count",
            0,
            85,
            ("most helpful", "least helpful"),
            unit="votes",
            nulls=0.1,
        ),
    ),
)

DOMAIN = Domain(
    name="online_shop",
    split="train",
    tables=(CUSTOMER, SUPPLIER, PRODUCT, PURCHASE, PURCHASE_LINE, REVIEW),
)
