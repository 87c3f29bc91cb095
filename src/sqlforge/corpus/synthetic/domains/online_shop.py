"""An online shop: customers, products, suppliers, orders, order lines and reviews."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Dates, Domain, Fake, Numbers
from sqlforge.corpus.synthetic.notation import col, composed, key, link, listed, table

CUSTOMER = table(
    "customer",
    "customer, shopper",
    "customers, shoppers",
    80,
    "",
    key("id", "customer number, customer id"),
    col("name", "name", "full name, customer name", Fake("name", unique=True)),
    col("email", "name", "email address, e-mail", Fake("email", unique=True), share_null=0.1),
    col(
        "country",
        "category",
        "country of residence, home country",
        listed("Germany, Canada, Japan, Brazil, Kenya, France, Australia, Norway"),
    ),
    col(
        "membership",
        "category",
        "membership tier, loyalty level",
        listed("bronze, silver, gold, platinum, none"),
    ),
    col(
        "joined_on",
        "date",
        "sign-up date, joining date",
        Dates("2017-03-01", "2024-06-30"),
        "newest, longest standing",
    ),
    col("store_credit", "money", "store credit balance, shop credit", Numbers(0, 250, 2, 0.15)),
)

SUPPLIER = table(
    "supplier",
    "supplier, vendor",
    "suppliers, vendors",
    20,
    "",
    key("id", "supplier number, supplier id"),
    col("company", "name", "company name, name", Fake("company", unique=True)),
    col(
        "city",
        "category",
        "home city, location",
        listed("Rotterdam, Shenzhen, Porto, Leipzig, Austin, Osaka, Gdansk"),
    ),
    col(
        "rating",
        "number",
        "supplier rating, quality score",
        Numbers(1, 5, 1),
        "best rated, worst rated",
    ),
    col(
        "lead_days",
        "number",
        "lead time, delivery time in days",
        Numbers(2, 45),
        "slowest, fastest",
        "days",
    ),
    col(
        "contract_until",
        "date",
        "contract end date, end of the contract",
        Dates("2024-01-31", "2027-12-31", 0.2),
    ),
)

PRODUCT = table(
    "product",
    "product, item",
    "products, items",
    70,
    "supplied by",
    key("id", "product number, item id"),
    col(
        "title",
        "name",
        "name, product name",
        composed(
            "Compact, Classic, Ultra, Eco, Nordic, Foldable, Smart, Vintage",
            """Desk Lamp, Backpack, Kettle, Headphones, Notebook, Office Chair, Water Bottle,
            Yoga Mat, Phone Stand, Wall Clock, Rain Jacket, Keyboard, Travel Mug, Bookshelf,
            Toaster""",
            unique=True,
        ),
    ),
    link("supplier_id", "supplier", "supplier number, vendor id"),
    col(
        "category",
        "category",
        "product category, kind of product",
        listed("Electronics, Home, Sports, Stationery, Clothing, Kitchen, Furniture"),
    ),
    col(
        "colour",
        "category",
        "color, shade",
        listed("black, white, forest green, navy, red, sand, graphite"),
        share_null=0.1,
    ),
    col(
        "unit_price",
        "money",
        "price, cost per piece",
        Numbers(4, 480, 2),
        "most expensive, cheapest",
        "euros",
    ),
    col("stock", "number", "stock level, quantity in stock", Numbers(0, 600), unit="pieces"),
    col(
        "weight_g",
        "number",
        "weight, weight in grams",
        Numbers(40, 18000, 0, 0.1),
        "heaviest, lightest",
        "grams",
    ),
)

ORDERS = table(
    "purchase",
    "order, purchase",
    "orders, purchases",
    110,
    "placed by",
    key("id", "order number, purchase id"),
    link("customer_id", "customer", "customer number, shopper id"),
    col(
        "placed_on",
        "date",
        "order date, day of purchase",
        Dates("2022-01-02", "2024-10-31"),
        "most recent, earliest",
    ),
    col(
        "shipped_on",
        "date",
        "shipping date, day of dispatch",
        Dates("2022-01-04", "2024-11-10", 0.2),
    ),
    col(
        "payment",
        "category",
        "payment method, way of paying",
        listed("credit card, bank transfer, wallet, invoice, gift card"),
    ),
    col(
        "state",
        "category",
        "order status, progress",
        listed("open, packed, shipped, delivered, returned, cancelled"),
    ),
    col("shipping_fee", "money", "delivery charge, shipping cost", Numbers(0, 24.9, 2)),
    col(
        "coupon",
        "category",
        "coupon code, discount code",
        listed("WELCOME10, SPRING5, FRIENDS, BLACKFRIDAY, FREESHIP"),
        share_null=0.6,
    ),
)

ORDER_LINE = table(
    "purchase_line",
    "order line, line item",
    "order lines, line items",
    120,
    "on, for",
    link("purchase_id", "purchase", "order number, purchase id"),
    link("product_id", "product", "product number, item id"),
    col("quantity", "number", "number of pieces, ordered amount", Numbers(1, 12), unit="pieces"),
    col(
        "line_total",
        "money",
        "total of the line, line amount",
        Numbers(4, 1900, 2),
        "most expensive, cheapest",
        "euros",
    ),
    col("gift_wrap", "category", "wrapping, gift paper", listed("none, plain, birthday, festive")),
)

REVIEW = table(
    "review",
    "review, product review",
    "reviews, product reviews",
    90,
    "written about, written by",
    key("id", "review number, review id"),
    link("product_id", "product", "product number, item id"),
    link("customer_id", "customer", "customer number, shopper id"),
    col(
        "stars",
        "number",
        "star rating, number of stars",
        Numbers(1, 5),
        "most favourable, harshest",
        "stars",
    ),
    col(
        "headline",
        "name",
        "title, review heading",
        listed(
            """Does the job, Love it, Broke after a week, Great value, Not as pictured,
            Would buy again, Too small for me, Solid build, Arrived late, Perfect gift,
            Better than expected, Feels cheap, Simply lovely, Missing parts,
            Five years and counting"""
        ),
    ),
    col(
        "posted_on",
        "date",
        "posting date, review date",
        Dates("2022-02-01", "2024-11-30"),
        "latest, earliest",
    ),
    col(
        "helpful_votes",
        "number",
        "number of helpful votes, helpfulness count",
        Numbers(0, 85, 0, 0.1),
        "most helpful, least helpful",
        "votes",
    ),
)

DOMAIN = Domain("online_shop", "train", (CUSTOMER, SUPPLIER, PRODUCT, ORDERS, ORDER_LINE, REVIEW))
