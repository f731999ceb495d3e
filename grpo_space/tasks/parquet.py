"""Rows of a Parquet file, whose few bytes may stand for many: what it unpacks to is counted before it is unpacked."""

import io
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from grpo_space.errors import UserError
from grpo_space.tasks.entries import SMALLER, Entry, refuse_twice

AT_ONCE = 256
"""Rows that are unpacked at once."""
FEW_BITS = {pa.float16(): "e", pa.float32(): "f"}
"""Numbers with fewer bits than Python's, by `struct`'s names for them."""
LONGEST_LIST = 100
"""What is longer holds no options: an embedding, say, whose many numbers stay as they are."""


def parquet_rows(source: "Path | io.BytesIO", name: str, most_rows: int, most_bytes: int) -> Iterator[Entry]:
    """Rows of a Parquet file, which keep a text once where it does; a UserError where it is damaged or too large."""
    too_large = UserError(
        f"{name}: unpacks to more than {most_bytes // 2**20} MB of rows, the most that is read: {SMALLER}"
    )
    try:
        schema = pq.read_schema(source)
        refuse_twice(schema.names, name)
        texts = [field.name for field in schema if pa.types.is_string(field.type)]
        file = pq.ParquetFile(source, read_dictionary=texts)
        if file.metadata.num_rows > most_rows:
            has = f"{file.metadata.num_rows:,} rows, and {most_rows:,} are the most that is read"
            raise UserError(f"{name}: has {has}: {SMALLER}")
        if sum(file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups)) > most_bytes:
            raise too_large
        unpacked = number = 0
        for batch in file.iter_batches(AT_ONCE, use_threads=False):
            unpacked += sum(map(_bytes, batch.columns))
            if unpacked > most_bytes:
                raise too_large
            for record in _records(batch, name):
                number += 1
                yield Entry(f"row {number}", record)
    except MemoryError:
        raise too_large from None
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{name}: is damaged: {str(error).splitlines()[0][:120]}; write it anew") from None


def _records(batch: Any, name: str) -> list[dict[str, Any]]:
    try:
        records = list(batch.to_pylist())
    except UnicodeError:
        raise
    except (OverflowError, ValueError, KeyError):  # Python's dates end with the year 9999, and it knows no such zone
        raise UserError(
            f"{name}: holds times that cannot be read: leave their column out, or save it as text"
        ) from None
    for field in batch.schema:
        if any(map(_holds(field.type).__contains__, FEW_BITS)):
            for record in records:
                record[field.name] = _shortest(record[field.name], field.type)
    return records


def _holds(kind: pa.DataType) -> set[pa.DataType]:
    """The types of the values in a type, which may be a list or a struct of others."""
    inner = [kind.field(i).type for i in range(kind.num_fields)]
    return {kind}.union(*map(_holds, inner))


def _shortest(value: Any, kind: pa.DataType) -> Any:
    """A value whose numbers with fewer bits than Python's are the shortest decimals that they stand for: 0.1, not
    0.10000000149011612.
    """
    if isinstance(value, dict):
        return {field.name: _shortest(value[field.name], field.type) for field in kind}
    if isinstance(value, list):
        if pa.types.is_map(kind) or len(value) > LONGEST_LIST:
            return value
        return [_shortest(each, kind.value_type) for each in value]
    bits = FEW_BITS.get(kind)
    if bits is None or value is None or not math.isfinite(value) or value.is_integer():
        return value
    shorter = (float(format(value, f".{digits}g")) for digits in range(1, 10))
    return next((each for each in shorter if struct.pack(bits, each) == struct.pack(bits, value)), value)


def _bytes(column: Any) -> int:
    """Bytes of a column's values, each counted as often as it stands there."""
    if pa.types.is_dictionary(column.type):
        lengths = pc.binary_length(column.dictionary)
        return int(pc.sum(pc.take(lengths, column.indices)).as_py() or 0)
    return int(column.nbytes)
