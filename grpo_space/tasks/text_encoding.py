"""A text file's encoding: UTF-8 and UTF-16 by what stands there, else Latin-1, which is said to be a guess, where its
letters stand as they do in Latin-1.
"""

import codecs
import re
from dataclasses import dataclass
from typing import IO

from grpo_space.errors import UserError

PIECE = 2**20


@dataclass(frozen=True)
class Encoding:
    """A text's encoding."""

    name: str
    words: str = ""
    """What is said of it; empty where it is as it should be."""


UTF_8 = Encoding("utf-8-sig")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_NOT_OF_WINDOWS = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_SEVERAL_BYTES = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)  # a character of UTF-8 that is not ASCII

_LETTER = rb"[A-Za-z\x8a\x8c\x8e\x9a\x9c\x9e\x9f\xc0-\xd6\xd8-\xf6\xf8-\xff]"
_WITHIN_A_WORD = re.compile(
    rb"[\x80\x81\x86-\x89\x8b\x8d\x8f\x90\x98\x9b\x9d\xa1-\xa9\xac\xae-\xb1\xb3\xb6\xb8\xb9\xbc-\xbf]"
    rb"(?<=" + _LETTER + rb"[\x80-\xbf])(?=[a-z])"  # the sign first: what begins by looking back is tried everywhere
)
"""A sign of Latin-1 that stands between letters is a letter of another encoding: Polish "jab³ek", DOS's "M\x81ller".
But x²y is one in Latin-1, and no letter anywhere.
"""
_NOT_ASCII = bytes(range(0x80, 0x100))
_IN_A_ROW = re.compile(rb"([\x80-\xff])(?!\1)[\x80-\xff]{2,}")
"""Few accented letters of Latin-1 stand in a row; most letters of Windows-1251, GBK or Shift-JIS do. A line of dashes
is no word.
"""


def encoding_of(file: IO[bytes], name: str) -> Encoding:
    """The encoding of a text, of which all is read. What is no text is refused by a UserError."""
    first = file.read(PIECE)
    if first.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise UserError(f"{name}: is text in UTF-32: save it as UTF-8")
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _checked(Encoding("utf-16", ", in UTF-16"), first, file, name)
    half = len(first[:2000]) // 2
    if half > 4:
        for at, guess in ((1, "utf-16-le"), (0, "utf-16-be")):
            if first[:2000][at::2].count(0) > 0.7 * half and first[:2000][1 - at :: 2].count(0) == 0:
                return _checked(Encoding(guess, ", read as UTF-16, which is a guess"), first, file, name)
    if _CONTROL.search(first):
        raise UserError(f"{name}: is no text, nor any table that can be read: give CSV, JSON lines or Parquet")
    decoder, piece = codecs.getincrementaldecoder("utf-8")(), first
    characters = strange = all_strange = in_a_row = within = 0
    wrong = undefined = False
    while True:
        if not piece.isascii():
            rest, found = _SEVERAL_BYTES.subn(b"", piece)
            characters += found
            strange += len(rest) - len(rest.translate(None, _NOT_ASCII))
            all_strange += len(piece) - len(piece.translate(None, _NOT_ASCII))
            in_a_row += sum(len(word[0]) for word in _IN_A_ROW.finditer(piece))
            within += len(_WITHIN_A_WORD.findall(piece))
            undefined = undefined or _NOT_OF_WINDOWS.search(piece) is not None
        if not wrong:
            try:
                decoder.decode(piece, final=not piece)
            except UnicodeError:
                wrong = True
        if not piece:
            break
        piece = file.read(PIECE)
    if not wrong or characters >= strange:  # UTF-8 that was damaged here and there: its lines say where
        return UTF_8
    if 2 * in_a_row > all_strange or 10 * within > all_strange:
        raise UserError(
            f"{name}: is neither UTF-8 nor Latin-1, and no other encoding can be told by its bytes: save it as UTF-8"
        )
    return Encoding("latin-1" if undefined else "cp1252", ", read as Latin-1, which is a guess")


def _checked(encoding: Encoding, first: bytes, file: IO[bytes], name: str) -> Encoding:
    decoder, piece = codecs.getincrementaldecoder(encoding.name)(), first
    try:
        while piece:
            decoder.decode(piece)
            piece = file.read(PIECE)
        decoder.decode(b"", final=True)
    except UnicodeError:
        raise UserError(f"{name}: is not the UTF-16 text that it begins as: save it as UTF-8") from None
    return encoding
