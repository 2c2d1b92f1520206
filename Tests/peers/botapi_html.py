"""Telegram's HTML subset, refused as the Bot API refuses it."""

import re

TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "a", "code", "pre", "span", "tg-spoiler", "tg-emoji",
        "blockquote"}
ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}


class ParseError(Exception):
    """The words behind "can't parse entities: "."""


def utf16_length(text):
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def plain(text):
    """The text that stays when the tags are taken away; raises ParseError."""
    out, stack, at = [], [], 0
    while at < len(text):
        mark = text[at]
        if mark == "&" and (entity := re.match(r"&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));", text[at:])):
            number = int(entity[1]) if entity[1] else int(entity[2], 16) if entity[2] else None
            if number is not None and 0 < number < 0x110000:
                out.append(chr(number))
                at += entity.end()
                continue
            if entity[3] in ENTITIES:
                out.append(ENTITIES[entity[3]])
                at += entity.end()
                continue
        if mark != "<":
            out.append(mark)
            at += 1
            continue
        byte = len(text[:at].encode("utf-8", "surrogatepass"))
        end = re.match(r"</([^\s>]*)\s*>", text[at:])
        if text[at + 1:at + 2] == "/":
            if not stack:
                raise ParseError(f"Unexpected end tag at byte offset {byte}")
            if end is None or (end[1] and end[1].lower() != stack[-1]):
                found = end[1] if end else ""
                raise ParseError(f'Unmatched end tag at byte offset {byte}, expected "</{stack[-1]}>", found "</{found}>"')
            stack.pop()
            at += end.end()
            continue
        start = re.match(r"<([a-zA-Z][^\s>/]*)((?:\s+[^\s=>]+(?:=(?:\"[^\"]*\"|'[^']*'|[^\s>]*))?)*)\s*>", text[at:])
        if start is None:
            name = re.match(r"<([^\s>]*)", text[at:])[1]
            if name.lower() in TAGS:
                raise ParseError(f"Unclosed start tag at byte offset {byte}")
            raise ParseError(f'Unsupported start tag "{name}" at byte offset {byte}')
        name = start[1].lower()
        if name not in TAGS:
            raise ParseError(f'Unsupported start tag "{name}" at byte offset {byte}')
        if name == "span" and "tg-spoiler" not in start[2]:
            raise ParseError(f'Tag "span" must have class "tg-spoiler" at byte offset {byte}')
        stack.append(name)
        at += start.end()
    if stack:
        raise ParseError(f'Can\'t find end tag corresponding to start tag "{stack[-1]}"')
    return "".join(out)
