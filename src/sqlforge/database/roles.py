"""Whether the user of a connection may do more than read, and what to do about it."""

from __future__ import annotations

from sqlforge.database.readers import Readers

_POSTGRES = """
SELECT CASE WHEN (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
            THEN 'superuser' ELSE 'writer' END
WHERE (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
   OR EXISTS (SELECT 1 FROM pg_catalog.pg_class
              WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
                AND has_table_privilege(oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
"""
_MYSQL = """
SELECT DISTINCT privilege_type FROM (
  SELECT privilege_type FROM information_schema.user_privileges
  UNION SELECT privilege_type FROM information_schema.schema_privileges
  UNION SELECT privilege_type FROM information_schema.table_privileges) p
WHERE privilege_type NOT IN ('USAGE', 'SELECT', 'SHOW VIEW', 'SHOW DATABASES')
"""


def role_advice(readers: Readers) -> tuple[str, ...]:
    """One sentence where a server's user may write; none for files, which are opened read-only.

    Every transaction is read-only all the same; a role that cannot write is a second wall.
    """
    dialect = readers.place.dialect
    if dialect == "postgres":
        found = readers.values(_POSTGRES)
        what = "is a superuser" if found == ("superuser",) else "may write"
        fix = "CREATE ROLE reader LOGIN PASSWORD '...'; GRANT pg_read_all_data TO reader"
    elif dialect == "mysql":
        found = readers.values(_MYSQL)
        what = "may write"
        fix = "CREATE USER reader IDENTIFIED BY '...'; GRANT SELECT, SHOW VIEW ON shop.* TO reader"
    else:
        return ()
    if not found:
        return ()
    return (
        f"The database's user {what}; queries are read-only, but a role that can only read is "
        f"safer: {fix}.",
    )
