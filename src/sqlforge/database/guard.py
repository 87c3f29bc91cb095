"""Which statements may be sent to a database server: one query that only reads.

The server's own read-only transaction is the wall; this is the fence before it, for what such a
transaction lets through: files written by ``INTO OUTFILE``, files read by functions, several
statements in one text.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

UNREADABLE = "SQL that cannot be parsed"
_WRITES = (exp.DML, exp.DDL, exp.Into, exp.Lock, exp.Command, exp.Set, exp.Pragma, exp.Transaction)
# By family: sessions and files of PostgreSQL, files and locks of MySQL, files of DuckDB.
_REFUSED_FUNCTION = re.compile(
    r"(?:pg_(?!typeof|size_pretty)|lo_|dblink|set_config|setval|nextval|currval|query_to|table_to"
    r"|schema_to|database_to|cursor_to|load_file|sys_|benchmark|sleep|get_lock|release_|read_"
    r"|parquet_|glob$|sniff_csv|sqlite_|postgres_|mysql_|duckdb_|getenv|txid_|pgp_|copy_|iceberg_"
    r"|delta_|install|xpath_table|is_used_lock|is_free_lock|master_pos_wait|source_pos_wait|wait_)"
)

# Functions that sqlglot has no class for and that only compute. What is neither here nor known to
# sqlglot is refused: a server may have anything installed.
_HARMLESS = frozenset(
    """
    abs acos acosd age any_value array_agg array_append array_cat array_dims array_length
    array_lower array_position array_positions array_prepend array_remove array_replace
    array_to_json array_upper ascii asin asind atan atan2 atan2d atand avg bin bit_and bit_count
    bit_length bit_or bit_xor bool_and bool_or btrim cardinality cbrt ceil ceiling century
    char_length character_length chr clock_timestamp coalesce concat concat_ws conv convert_tz
    corr cos cosd cosh cot count covar_pop covar_samp crc32 cume_dist date_bin date_diff
    date_part date_sub date_trunc datediff datepart day dayname dayofmonth dayofweek dayofyear
    decade degrees dense_rank div elt encode enum_range epoch epoch_ms erf even every export_set
    extractvalue factorial field find_in_set first first_value floor format format_bytes
    from_base64 from_days from_unixtime gamma gcd greatest group_concat hamming hash hex hour if
    ifnull inet_aton inet_ntoa initcap insert instr isfinite isinf isnan isnull isodow isoyear
    jaccard jaro_similarity jaro_winkler_similarity json json_agg json_array json_array_length
    json_build_array json_build_object json_contains json_contains_path json_depth json_each
    json_each_text json_extract json_extract_path json_extract_path_text json_extract_string
    json_keys json_length json_object json_object_agg json_object_keys json_quote json_search
    json_type json_unquote json_valid json_value jsonb_agg jsonb_array_elements
    jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each
    jsonb_extract_path jsonb_extract_path_text jsonb_object_agg jsonb_object_keys jsonb_pretty
    jsonb_strip_nulls jsonb_typeof julian julianday justify_days justify_hours justify_interval
    kurtosis lag last last_day last_value lcase lcm lead least left length levenshtein lgamma
    list list_aggregate list_contains list_distinct list_sort ln locate log log10 log2 lower
    lpad ltrim mad make_date make_interval make_set make_time make_timestamp max md5 median
    microsecond mid millennium millisecond min min_scale minute mod mode month monthname
    nth_value ntile nullif num_nonnulls num_nulls numnode octet_length oct ord overlay
    parse_ident percent_rank percentile_cont percentile_disc period_add period_diff pi position
    pow power product quantile quantile_cont quantile_disc quarter quote quote_ident
    quote_literal quote_nullable radians rand random range rank regexp_count regexp_extract
    regexp_extract_all regexp_full_match regexp_instr regexp_like regexp_match regexp_matches
    regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr regr_avgx regr_avgy
    regr_count regr_intercept regr_r2 regr_slope repeat replace reverse right round row_number
    row_to_json rpad rtrim scale sec_to_time second sha1 sha2 sha224 sha256 sha384 sha512 sign
    sin sind sinh skewness soundex space split_part sqrt starts_with statement_timestamp stddev
    stddev_pop stddev_samp std str_to_date strcmp strftime string_agg string_split
    string_to_array string_to_table strip_accents strpos strptime subdate adddate addtime substr
    substring substring_index subtime sum tan tand tanh time_format time_to_sec timediff
    timeofday timestampadd timestampdiff to_ascii to_base64 to_char to_date to_days to_hex
    to_json to_jsonb to_number to_seconds to_timestamp to_tsquery to_tsvector plainto_tsquery
    websearch_to_tsquery ts_rank total translate trim trim_array trim_scale trunc truncate
    typeof ucase unhex unicode unistr unix_timestamp unnest upper utc_date utc_time
    utc_timestamp var_pop var_samp variance week weekday weekofyear width_bucket word_similarity
    similarity xmlagg year yearweek pg_typeof pg_size_pretty date datetime time datetrunc
    dayofweek_iso
    """.split()
)
_SYSTEM = re.compile(
    r"(?:pg_|information_schema|mysql$|performance_schema|sys$|sqlite_|duckdb_|pragma_)"
)
_DEFAULTS = frozenset(("", "public", "main"))


def refusal(sql: str, dialect: str, tables: Collection[str] | None = None) -> str | None:
    """Why ``sql`` is not sent to a server that speaks sqlglot's ``dialect``; ``None`` if it may be.

    With ``tables``, lower-case names, a query may read these and no others (the server's catalog,
    other people's schemas), and call functions that are known to compute and no others.

    >>> refusal("SELECT 1", "postgres") is None
    True
    >>> refusal("SELECT 1; DROP TABLE t", "postgres"), refusal("DELETE FROM t", "mysql")
    ('2 statements', 'anything but reading')
    >>> refusal("SELECT pg_read_file('/etc/passwd')", "postgres")
    'calling function pg_read_file'
    >>> refusal("SELECT * FROM pg_shadow", "postgres", {"cust"})
    'reading pg_shadow'
    """
    if re.search(r"/\*[!M]", sql) or re.search(r"\binto\s+(?:out|dump)file\b", sql, re.I):
        return "anything but reading"
    try:
        parsed = [s for s in sqlglot.parse(sql, dialect=dialect) if s is not None]
    except (SqlglotError, ValueError, RecursionError):
        return UNREADABLE
    if len(parsed) != 1:
        return f"{len(parsed)} statements" if parsed else "no statement"
    query = parsed[0]
    if not isinstance(query, exp.Query) or any(isinstance(n, _WRITES) for n in query.walk()):
        return "anything but reading"
    reason = _refused_function(query)
    if reason is None and tables is not None:
        reason = _unknown_function(query) or _foreign_table(query, tables)
    return reason


def _refused_function(query: exp.Query) -> str | None:
    for function in query.find_all(exp.Func):
        names = (function.name, function.sql_name()) if function.name else (function.sql_name(),)
        for name in names:
            if isinstance(name, str) and _REFUSED_FUNCTION.match(name.lower()):
                return f"calling function {name.lower()}"
    for table in query.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) and table.this is not None:
            name = table.this.name if isinstance(table.this, exp.Anonymous) else ""
            if _REFUSED_FUNCTION.match(name.lower()):
                return f"calling function {name.lower()}"
    return None


def _unknown_function(query: exp.Query) -> str | None:
    for call in query.find_all(exp.Anonymous, exp.AnonymousAggFunc):
        if call.name.lower() not in _HARMLESS or isinstance(call.parent, exp.Dot):
            return f"calling function {call.name.lower()}"
    if query.find(exp.SessionParameter) is not None:
        return "reading the server's settings"
    return None


def _foreign_table(query: exp.Query, tables: Collection[str]) -> str | None:
    for node in query.find_all(exp.Table):
        if not isinstance(node.this, exp.Identifier):
            continue  # a function, which was looked at
        name = node.name.lower()
        own = name in tables or (not node.db and _is_local(node, name))
        if own and node.db.lower() in _DEFAULTS and not node.catalog:
            continue
        return f"reading {'.'.join(part for part in (node.db, node.name) if part)}"
    return None


def _is_local(node: exp.Table, name: str) -> bool:
    """Whether a common table expression of that name is seen from ``node``."""
    if _SYSTEM.match(name):
        return False
    inside: exp.Expr | None = node
    while inside is not None:
        with_ = inside.args.get("with_") or inside.args.get("with")
        if with_ is None:
            inside = inside.parent
            continue
        for cte in with_.expressions:
            # Only a recursive one is seen within itself; without that the name is a table's.
            within = node.find_ancestor(exp.CTE)
            while within is not None and within is not cte:
                within = within.find_ancestor(exp.CTE)
            if cte.alias.lower() == name and (within is None or with_.args.get("recursive")):
                return True
        inside = inside.parent
    return False
