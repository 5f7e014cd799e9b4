"""Which columns of a table are read, and whether a row is a pair or a whole list."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.core.errors import InvalidInputError, MissingExtraError

try:
    import pyarrow as pa
except ImportError as error:
    raise MissingExtraError("secondpass.serve.batch", "batch") from error

TEXT_NAMES = ("text", "texts")


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of the columns that are read.

    Attributes:
        query: Strings.
        text: Strings, where a row is a pair of query and text; lists of strings, where a row is a
            query with all its texts. None: ``text`` or ``texts``, whichever is there.
        ids: Lists of strings, the ids of the texts of a list; None where they have none.
        prefix: Before the names of the columns that are added.
    """

    query: str = "query"
    text: str | None = None
    ids: str | None = None
    prefix: str = ""

    def text_of(self, schema: pa.Schema, name: str) -> str:
        """The column of texts.

        Args:
            schema: Of the table.
            name: Of the table, for messages.

        Raises:
            InvalidInputError: There is none, or more than one could be meant.
        """
        if self.text is not None:
            return self.text
        found = [one for one in TEXT_NAMES if one in schema.names]
        if len(found) == 1:
            return found[0]
        if found:
            raise InvalidInputError(
                f"{name} has a column 'text' and a column 'texts'; say which holds the texts: "
                "--text-column, or Columns(text=...)"
            )
        raise InvalidInputError(
            f"{name} has no column 'text' (a row is a pair) or 'texts' (a row is a list); it has "
            f"{_listed(schema)}. Name yours: --text-column, or Columns(text=...)"
        )

    def are_lists(self, schema: pa.Schema, name: str) -> bool:
        """Whether a row is a query with all its texts, rather than one pair.

        Raises:
            InvalidInputError: A column is missing or of another type, or one that would be added
                is there already; names the table, the column and what to do.
        """
        text = self.text_of(schema, name)
        for column, option in ((self.query, "query"), (text, "text"), (self.ids, "ids")):
            if column is not None and column not in schema.names:
                raise InvalidInputError(
                    f"{name} has no column {column!r}; it has {_listed(schema)}. Name yours: "
                    f"--{option}-column, or Columns({option}=...)"
                )
            if column is not None and schema.names.count(column) > 1:
                raise InvalidInputError(f"{name} has more than one column {column!r}")
        kind = schema.field(self.query).type
        if not _is_text(kind):
            raise InvalidInputError(
                f"column {self.query!r} of {name} is {kind}; queries are strings"
            )
        lists = holds_lists(schema, text, name)
        if self.ids is not None:
            kind = schema.field(self.ids).type
            if not (lists and _is_list_of_text(kind)):
                raise InvalidInputError(
                    f"column {self.ids!r} of {name} is {kind}; ids are lists of strings beside "
                    "lists of texts. In pairs, any column of your own stays as it is"
                )
        added = set(self.added(lists))
        if taken := [one for one in schema.names if one in added]:
            raise InvalidInputError(
                f"{name} has a column {taken[0]!r} already, which would be added; give --prefix, "
                "or Columns(prefix=...)"
            )
        return lists

    def added(self, lists: bool) -> dict[str, pa.DataType]:
        """The columns that are added to rows that are lists, or pairs, with their types."""
        number, text = pa.float64(), pa.string()
        if lists:
            columns = {
                "indices": pa.list_(pa.int64()),
                "ranked_ids": pa.list_(text),
                "scores": pa.list_(number),
                "probabilities": pa.list_(number),
                "scale": text,
                "status": text,
                "notes": pa.list_(text),
                "events": text,
                "problem": text,
            }
            if self.ids is None:
                del columns["ranked_ids"]
        else:
            columns = {
                "score": number,
                "probability": number,
                "scale": text,
                "notes": text,
                "events": text,
                "problem": text,
            }
        return {self.prefix + name: kind for name, kind in columns.items()}


def holds_lists(schema: pa.Schema, text: str, name: str) -> bool:
    """Whether a column of texts holds lists of them.

    Raises:
        InvalidInputError: It is not there, or holds something else.
    """
    if text not in schema.names:
        raise InvalidInputError(f"{name} has no column {text!r}; it has {_listed(schema)}")
    kind = schema.field(text).type
    if _is_list_of_text(kind):
        return True
    if _is_text(kind):
        return False
    raise InvalidInputError(
        f"column {text!r} of {name} is {kind}; texts are strings, or lists of strings where a row "
        "holds a query with all its texts"
    )


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _is_list_of_text(kind: pa.DataType) -> bool:
    lists = (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )
    return bool(lists) and _is_text(kind.value_type)


def _listed(schema: pa.Schema) -> str:
    return ", ".join(map(repr, schema.names)) or "none at all"
