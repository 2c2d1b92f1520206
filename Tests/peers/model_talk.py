"""What the model fake understands and says, in no dialect: a conversation as turns, the answer as blocks, tokens."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field


class Refused(Exception):
    """What the real API would not take; the text is its message."""


@dataclass
class Picture:
    mime: str
    data: str
    #: Which block of its message it is.
    at: int = 0


@dataclass
class Call:
    id: str
    name: str
    arguments: object
    signature: str = ""


@dataclass
class Turn:
    """One message of the conversation: role is "user" or "assistant", whatever the dialect calls them."""
    role: str
    texts: list = field(default_factory=list)
    pictures: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    results: list = field(default_factory=list)
    signature: str = ""


@dataclass
class Ask:
    model: str
    stream: bool
    turns: list
    tools: list

    @property
    def said(self):
        """The last thing that the user said; results of tools are not said, nor the line that names the message."""
        said = [turn.texts[-1] for turn in self.turns if turn.role == "user" and turn.texts]
        return re.sub(r"\s*\[message_id: [^\]]*\]\s*$", "", said[-1]) if said else ""

    @property
    def is_after_tool(self):
        return bool(self.turns) and bool(self.turns[-1].results)


@dataclass
class Usage:
    """Tokens as Clawhold counts them: input without what came from a cache or went into one, output with reasoning."""
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass
class Answer:
    number: int
    model: str
    #: ("thinking", text, signature), ("text", text), ("tool", Call)
    blocks: list
    #: "end", "tool", "length", "refusal"
    stop: str
    usage: Usage


def signature(number):
    """Opaque, long, with the characters of base64: what must come back byte for byte."""
    return base64.b64encode(hashlib.sha512(f"signature {number}".encode()).digest() * 3).decode()


def arguments(text):
    """The JSON object that follows a tool's name; empty when none does."""
    try:
        value, _ = json.JSONDecoder().raw_decode(text.lstrip())
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def reply(ask, number, writes_cache):
    """The answer to a conversation.

    "echo: " and what was said, with the number of pictures if there are any. Asked to "use TOOL {json}", it calls that tool
    first, if it was offered. "write N lines" adds numbered lines. "think" lets it think first, signed.
    """
    said, blocks, stop = ask.said, [], "end"
    thinks = re.search(r"\bthink\b", said) is not None
    if thinks:
        blocks.append(("thinking", "what was asked, step by step", signature(number)))
    call = None
    for tool in [] if ask.is_after_tool else ask.tools:
        _, found, rest = said.partition(f"use {tool}")
        if found:
            call = Call(f"call_{number}", tool, arguments(rest), signature(number) if thinks else "")
            break
    if call:
        blocks += [("text", "looking"), ("tool", call)]
        stop = "tool"
    elif ask.is_after_tool:
        blocks.append(("text", f"echo: {said} (after the tool)"))
    else:
        pictures = sum(len(turn.pictures) for turn in ask.turns)
        seen = f" (pictures: {pictures})" if pictures else ""
        lines = re.findall(r"write ([0-9]{1,5}) lines", said)
        many = int(lines[-1]) if lines else 0
        more = "".join(f"\n\nline {n} of {many}: {'word ' * 18}end" for n in range(1, many + 1))
        blocks.append(("text", f"echo: {said}{seen}{more}"))
    reasoning = 5 if thinks else 0
    # No two calls have the same counts, so that rows of a ledger can be told apart.
    usage = Usage(10 + number, words(blocks) + reasoning, 3 * number, 2 * number if writes_cache else 0, reasoning)
    return Answer(number, ask.model, blocks, stop, usage)


def words(blocks):
    """One word, one token; one call, three."""
    return sum(len(b[1].split(" ")) if b[0] == "text" else 3 if b[0] == "tool" else 0 for b in blocks)


def pieces(text):
    """A text as it is streamed."""
    first, *rest = text.split(" ")
    return [first] + [" " + word for word in rest]


MAGIC = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/gif": b"GIF8", "image/webp": b"RIFF"}


def check(ask, names_calls=True):
    """What every one of the APIs refuses of a conversation. `names_calls`: calls and results are matched by id."""
    if not isinstance(ask.model, str) or not ask.model:
        raise Refused("model is required")
    if not ask.turns:
        raise Refused("messages: at least one message is required")
    if ask.turns[0].role != "user":
        raise Refused("messages: first message must use the \"user\" role")
    asked = []
    for index, turn in enumerate(ask.turns):
        if not (turn.texts or turn.pictures or turn.calls or turn.results or turn.signature):
            raise Refused(f"messages.{index}: content must be non-empty")
        if any(not text.strip() for text in turn.texts):
            raise Refused(f"messages.{index}: text content blocks must contain non-whitespace text")
        for picture in turn.pictures:
            check_picture(index, picture)
        if names_calls:
            missing, extra = set(asked) - set(turn.results), set(turn.results) - set(asked)
            if missing or extra:
                raise Refused(f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after"
                              f": {sorted(missing)}, unexpected: {sorted(extra)}")
        elif len(asked) != len(turn.results):
            raise Refused("Please ensure that the number of function response parts is equal to the number of function "
                          "call parts of the function call turn.")
        asked = [call.id for call in turn.calls]
        for call in turn.calls:
            if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", call.name or ""):
                raise Refused(f"messages.{index}: the name of a tool is invalid")
            if not isinstance(call.arguments, dict):
                raise Refused(f"messages.{index}: the arguments of a call must be an object")
    if asked:
        raise Refused("messages: `tool_use` ids were found without `tool_result` blocks immediately after")
    if ask.turns[-1].role != "user":
        raise Refused("This model does not support assistant message prefill. The conversation must end with a user message.")
    for name in ask.tools:
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name or ""):
            raise Refused("tools: the name of a tool is invalid")


def check_picture(index, picture):
    where = f"messages.{index}.content.{picture.at}.image.source.base64"
    if picture.mime not in MAGIC:
        raise Refused(f"{where}: media_type: should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'")
    try:
        data = base64.b64decode(picture.data, validate=True)
    except ValueError:
        raise Refused(f"{where}: invalid base64 data") from None
    if len(picture.data) > 10 * 1024 * 1024 or len(data) > 5 * 1024 * 1024:
        raise Refused(f"{where}: image exceeds 5 MB maximum")
    if not data.startswith(MAGIC[picture.mime]):
        raise Refused(f"{where}: Could not process image")
