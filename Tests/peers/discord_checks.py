"""What Discord refuses of a message, a command or a reaction. Raises Refused; notes what it would only ignore."""

import re

from discord_world import Refused, invalid

FIELDS = {"content", "nonce", "enforce_nonce", "tts", "embeds", "allowed_mentions", "message_reference", "components",
          "sticker_ids", "attachments", "flags", "poll", "payload_json", "thread_name", "applied_tags"}
MAX_FILES, MAX_FILE_BYTES = 10, 10 << 20


def kind(body, name, wanted, words):
    """The field's value when it has exactly the type of JSON that is wanted; None when it is absent or null."""
    value = body.get(name)
    if value is not None and type(value) is not wanted:
        raise invalid(name, "BASE_TYPE_BAD", words)
    return value


def snowflake(value, name):
    if not re.fullmatch(r"[0-9]{1,20}", str(value)) or isinstance(value, bool):
        raise invalid(name, "NUMBER_TYPE_COERCE", f'Value "{str(value)[:40]}" is not snowflake.')
    return str(value)


def message(body, files, world, creating=True):
    """Checks the body of a create or an edit."""
    if not isinstance(body, dict):
        raise Refused(400, 50109, "The request body contains invalid JSON.")
    for unknown in sorted(set(body) - FIELDS):
        world.violations.append(f"unknown message field {unknown}")
    content = kind(body, "content", str, "Could not interpret value as string.") or ""
    if len(content) > 2000:
        raise invalid("content", "BASE_TYPE_MAX_LENGTH", "Must be 2000 or fewer in length.")
    nonce = body.get("nonce")
    if nonce is not None and (not isinstance(nonce, (str, int)) or isinstance(nonce, bool)):
        raise invalid("nonce", "NONCE_TYPE_INVALID", "Nonce must be a string or an integer.")
    if isinstance(nonce, str) and len(nonce) > 25:
        raise invalid("nonce", "NONCE_TYPE_TOO_LONG", "Nonce must be 25 or fewer in length.")
    kind(body, "enforce_nonce", bool, "Must be either true or false.")
    kind(body, "tts", bool, "Must be either true or false.")
    flags = kind(body, "flags", int, "Value is not int.") or 0
    if flags & ~(1 << 2 | 1 << 6 | 1 << 12 | 1 << 13 | 1 << 15):
        world.violations.append(f"flags {flags} cannot be set")
    embeds = kind(body, "embeds", list, "Only iterables may be used in a ListType") or []
    if len(embeds) > 10:
        raise invalid("embeds", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
    mentions(kind(body, "allowed_mentions", dict, "Only dictionaries may be used in a DictType"))
    rows = kind(body, "components", list, "Only iterables may be used in a ListType") or []
    components(rows)
    attachments(kind(body, "attachments", list, "Only iterables may be used in a ListType"), files, world)
    stickers = kind(body, "sticker_ids", list, "Only iterables may be used in a ListType") or []
    if creating and not (content.strip() or embeds or files or stickers or rows or body.get("poll")):
        raise Refused(400, 50006, "Cannot send an empty message")
    return content


def mentions(allowed):
    if allowed is None:
        return
    parse = allowed.get("parse") or []
    for value in parse:
        if value not in ("roles", "users", "everyone"):
            raise invalid("allowed_mentions", "BASE_TYPE_CHOICES", "Value must be one of ('users', 'roles', 'everyone').")
    for name in ("users", "roles"):
        if name in parse and allowed.get(name):
            raise invalid("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                          f'parse:["{name}"] and {name}: [ids...] are mutually exclusive.')
        for value in allowed.get(name) or []:
            snowflake(value, "allowed_mentions")


def components(rows):
    if len(rows) > 5:
        raise invalid("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    seen = set()
    for row in rows:
        if not isinstance(row, dict) or row.get("type") != 1:
            raise invalid("components", "UNION_TYPE_CHOICES", "Value of field \"type\" must be one of (1,).")
        items = row.get("components") or []
        if not 1 <= len(items) <= 5:
            raise invalid("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
        for item in items:
            if item.get("type") != 2:
                continue
            if item.get("style") not in (1, 2, 3, 4, 5):
                raise invalid("components", "BASE_TYPE_CHOICES", "Value must be one of (1, 2, 3, 4, 5, 6).")
            if not item.get("label") and not item.get("emoji"):
                raise invalid("components", "BUTTON_COMPONENT_INVALID", "A button must have a label or emoji.")
            if len(item.get("label") or "") > 80:
                raise invalid("components", "BASE_TYPE_MAX_LENGTH", "Must be 80 or fewer in length.")
            custom = item.get("custom_id")
            if (item["style"] == 5) == bool(custom) or (item["style"] == 5) != bool(item.get("url")):
                raise invalid("components", "BUTTON_COMPONENT_CUSTOM_ID_REQUIRED", "A custom id is required")
            if custom and not 1 <= len(custom) <= 100:
                raise invalid("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
            if custom in seen and custom:
                raise invalid("components", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
            seen.add(custom)


def attachments(listed, files, world):
    if len(files) > MAX_FILES:
        raise invalid("attachments", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
    for part in files.values():
        if len(part["data"]) > MAX_FILE_BYTES:
            raise Refused(413, 40005, "Request entity too large")
    if listed is None:
        return
    new = {str(a.get("id")) for a in listed if isinstance(a, dict) and len(str(a.get("id"))) < 10}
    if new != set(files):
        world.violations.append(f"attachments {sorted(new)} do not name the files {sorted(files)}")


def commands(rows):
    """Checks a list of application commands as the bulk overwrite does."""
    if not isinstance(rows, list):
        raise invalid("_errors", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
    if len([r for r in rows if r.get("type", 1) == 1]) > 100:
        raise Refused(400, 30032, "Maximum number of application commands reached (100).")
    names = set()
    for row in rows:
        command(row, top=True)
        if (row.get("type", 1), row["name"]) in names:
            raise invalid("name", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
        names.add((row.get("type", 1), row["name"]))


def command(row, top=False):
    name = row.get("name")
    slash = not top or row.get("type", 1) == 1
    if not isinstance(name, str) or (slash and (not re.fullmatch(r"[-_\w]{1,32}", name) or name != name.lower())):
        raise invalid("name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    description = row.get("description")
    if slash and (not isinstance(description, str) or not 1 <= len(description) <= 100):
        raise invalid("description", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
    options = row.get("options") or []
    if len(options) > 25:
        raise invalid("options", "BASE_TYPE_BAD_LENGTH", "Must be between 0 and 25 in length.")
    optional = False
    for option in options:
        if option.get("type") not in range(1, 12):
            raise invalid("options", "BASE_TYPE_CHOICES", "Value must be one of (1, 2, ... 11).")
        command(option)
        if option.get("required") and optional:
            raise invalid("options", "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                          "Required options must be placed before non-required options")
        optional = optional or not option.get("required")
        choices = option.get("choices") or []
        if len(choices) > 25 or (choices and option.get("autocomplete")):
            raise invalid("choices", "BASE_TYPE_BAD_LENGTH", "Must be between 0 and 25 in length.")
        for choice in choices:
            if not 1 <= len(str(choice.get("name", ""))) <= 100 or len(str(choice.get("value", ""))) > 100:
                raise invalid("choices", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
