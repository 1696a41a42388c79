"""PostgreSQL's words for the functions and clauses of SQLite that the statements use."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects.postgresql.psycopg import PGCompiler_psycopg, PGDialect_psycopg
from sqlalchemy.ext.compiler import compiles

from ecr_emulator.storage.tables import AWAITED_IMAGES, Instant

_AWAITED_IMAGES = AWAITED_IMAGES.replace("document =", "document::text =")
"""PostgreSQL compares no JSON, but its text."""


class PostgresCompiler(PGCompiler_psycopg):
    """SQLAlchemy's compiler, which finds a method by the name of each function and clause."""

    def visit_json_each_func(self, function: Any, **options: Any) -> str:
        return f"json_array_elements_text({self.process(function.clauses, **options)})"

    def visit_json_group_array_func(self, function: Any, **options: Any) -> str:
        return f"coalesce(json_agg({self.process(function.clauses, **options)}), '[]')"

    def visit_json_array_func(self, function: Any, **options: Any) -> str:
        return f"json_build_array({self.process(function.clauses, **options)})"

    def visit_json_extract_func(self, function: Any, **options: Any) -> str:
        document, path = (self.process(each, **options) for each in function.clauses)
        return f"(jsonb_path_query_first(({document})::jsonb, ({path})::jsonpath) #>> '{{}}')"

    def visit_instr_func(self, function: Any, **options: Any) -> str:
        return f"strpos({self.process(function.clauses, **options)})"

    def visit_sum_func(self, function: Any, **options: Any) -> str:
        return f"sum({self.process(function.clauses, **options)})::bigint"  # it would be a decimal number

    def visit_max_func(self, function: Any, **options: Any) -> str:
        name = "greatest" if len(function.clauses) > 1 else "max"
        return f"{name}({self.process(function.clauses, **options)})"

    def visit_on_conflict_do_nothing(self, on_conflict: Any, **_: Any) -> str:
        return "ON CONFLICT DO NOTHING"

    def visit_on_conflict_do_update(self, on_conflict: Any, **options: Any) -> str:
        """Write the clause. PostgreSQL demands the columns of the conflict, which are those of the primary key."""
        insert: Any = self.stack[-1]["selectable"]
        on_conflict.constraint_target = None
        on_conflict.inferred_target_elements = list(insert.table.primary_key)
        return str(super().visit_on_conflict_do_update(on_conflict, **options))  # type: ignore[no-untyped-call]

    def visit_textclause(self, textclause: Any, *arguments: Any, **options: Any) -> str:
        if textclause.text == AWAITED_IMAGES:
            return _AWAITED_IMAGES
        return str(super().visit_textclause(textclause, *arguments, **options))  # type: ignore[no-untyped-call]


@compiles(Instant, "postgresql")
def _instant(*_: Any, **__: Any) -> str:
    return "BIGINT"


class PostgresDialect(PGDialect_psycopg):
    """The dialect of psycopg 3 with ``PostgresCompiler``."""

    statement_compiler = PostgresCompiler
    supports_statement_cache = True


POSTGRES = PostgresDialect()  # type: ignore[no-untyped-call]
