"""The routes of the Discord fake below /api/v10, with what the real ones refuse."""

import re
import secrets
import time

import discord_checks as checks
from discord_world import ADA, ANNOUNCEMENT, BOT, DM, FORUM_TYPE, TEXT, THREAD, Refused, invalid, stamp

INTERACTION_SECONDS, TOKEN_SECONDS = 3, 900
ID = "([0-9]{1,20})"


class Routes:
    def __init__(self, world, gateway):
        self.world, self.gateway = world, gateway
        self.interactions = {}  # token -> what happened to it
        self.table = []
        channel, message = f"/channels/{ID}", f"/channels/{ID}/messages/{ID}"
        emoji, hook = "/reactions/([^/]+)", f"/webhooks/{ID}/([^/]+)"
        for public, method, path, handler in (
                (True, "GET", "/gateway", self.get_gateway), (False, "GET", "/gateway/bot", self.get_gateway_bot),
                (False, "GET", "/users/@me", self.get_me), (False, "GET", f"/users/{ID}", self.get_user),
                (False, "GET", "/oauth2/applications/@me", self.get_application),
                (False, "GET", "/applications/@me", self.get_application),
                (False, "GET", "/users/@me/guilds", self.get_guilds),
                (False, "POST", "/users/@me/channels", self.open_dm),
                (False, "GET", channel, self.get_channel),
                (False, "GET", channel + "/messages", self.get_messages),
                (False, "POST", channel + "/messages", self.create),
                (False, "POST", channel + "/typing", self.typing),
                (False, "POST", channel + "/threads", self.create_thread),
                (False, "PUT", channel + "/thread-members/@me", self.join_thread),
                (False, "GET", message, self.get_message), (False, "PATCH", message, self.edit),
                (False, "DELETE", message, self.delete), (False, "POST", message + "/threads", self.thread_from),
                (False, "GET", message + emoji, self.get_reactions),
                (False, "PUT", message + emoji + "/@me", self.react),
                (False, "DELETE", message + emoji + "/@me", self.unreact),
                (False, "GET", f"/guilds/{ID}", self.get_guild), (False, "GET", f"/guilds/{ID}/channels", self.get_channels),
                (False, "GET", f"/guilds/{ID}/threads/active", self.get_active_threads),
                (False, "GET", f"/guilds/{ID}/members", self.get_members),
                (False, "GET", f"/guilds/{ID}/members/search", self.search_members),
                (False, "GET", f"/guilds/{ID}/members/{ID}", self.get_member),
                (False, "GET", f"/guilds/{ID}/roles", self.get_roles),
                (False, "GET", f"/applications/{ID}/commands", self.get_commands),
                (False, "PUT", f"/applications/{ID}/commands", self.put_commands),
                (False, "GET", f"/applications/{ID}/guilds/{ID}/commands", self.get_commands),
                (False, "PUT", f"/applications/{ID}/guilds/{ID}/commands", self.put_commands),
                (True, "POST", f"/interactions/{ID}/([^/]+)/callback", self.callback),
                (True, "POST", hook, self.follow_up), (True, "GET", hook + "/messages/@original", self.get_original),
                (True, "PATCH", hook + "/messages/@original", self.edit_original),
                (True, "DELETE", hook + "/messages/@original", self.delete_original),
                (True, "PATCH", hook + f"/messages/{ID}", self.edit_follow_up)):
            name = f"{method} " + re.sub(r"\([^)]*\)", "{}", path)
            self.table.append((method, re.compile(path + "/?"), name, handler, public))

    def find(self, method, path):
        for wanted, pattern, name, handler, public in self.table:
            if wanted == method and (match := pattern.fullmatch(path)):
                return name, handler, match.groups(), public
        return None

    # ---- who and where

    def gateway_url(self):
        return self.world.base.replace("http", "ws", 1)

    async def get_gateway(self, **_):
        return {"url": self.gateway_url()}

    async def get_gateway_bot(self, **_):
        return {"url": self.gateway_url(), "shards": 1, "session_start_limit": {
            "total": 1000, "remaining": 1000 - self.gateway.identifies, "reset_after": 86400000, "max_concurrency": 1}}

    async def get_me(self, **_):
        return {**self.world.users[BOT], "verified": True, "mfa_enabled": False, "email": None, "flags": 0, "locale": "en-US"}

    async def get_user(self, user, **_):
        if user not in self.world.users:
            raise Refused(404, 10013, "Unknown User")
        return self.world.users[user]

    async def get_application(self, **_):
        owner = self.world.users[ADA]
        return {"id": BOT, "name": self.world.name, "icon": None, "description": "", "summary": "", "type": None,
                "bot_public": True, "bot_require_code_grant": False, "verify_key": "0" * 64, "flags": self.world.flags,
                "owner": owner, "team": None, "hook": True, "redirect_uris": [], "interactions_endpoint_url": None,
                "role_connections_verification_url": None, "bot": self.world.users[BOT]}

    async def get_guilds(self, **_):
        return [{"id": g["id"], "name": g["name"], "icon": None, "owner": False, "permissions": str(0xFFFFFFFFFF),
                 "features": []} for g in self.world.guilds.values()]

    async def open_dm(self, body, **_):
        user = checks.snowflake((body or {}).get("recipient_id"), "recipient_id")
        if user not in self.world.users:
            raise Refused(404, 10013, "Unknown User")
        return self.world.dm(user)

    def guild(self, guild):
        if guild not in self.world.guilds:
            raise Refused(404, 10004, "Unknown Guild")
        return self.world.guilds[guild]

    async def get_guild(self, guild, **_):
        return self.guild(guild)

    async def get_channels(self, guild, **_):
        self.guild(guild)
        return [c for c in self.world.channels.values() if c.get("guild_id") == guild and c["type"] != THREAD]

    async def get_active_threads(self, guild, **_):
        self.guild(guild)
        return {"threads": [c for c in self.world.channels.values() if c.get("guild_id") == guild and c["type"] == THREAD],
                "members": []}

    async def get_members(self, guild, query, **_):
        self.guild(guild)
        if not self.world.flags & (3 << 14):
            raise Refused(403, 50001, "Missing Access")
        return [self.world.member(u, True) for u in list(self.world.users)[:int(query.get("limit", 1))]]

    async def search_members(self, guild, query, **_):
        self.guild(guild)
        text = query.get("query", "").lower()
        return [self.world.member(i, True) for i, u in self.world.users.items()
                if u["username"].lower().startswith(text)][:int(query.get("limit", 1))]

    async def get_member(self, guild, user, **_):
        self.guild(guild)
        if user not in self.world.users:
            raise Refused(404, 10007, "Unknown Member")
        return self.world.member(user, True)

    async def get_roles(self, guild, **_):
        return self.guild(guild)["roles"]

    # ---- channels and messages

    def open(self, channel):
        found = self.world.channels.get(channel)
        if found is None:
            raise Refused(404, 10003, "Unknown Channel")
        return found

    def writable(self, channel):
        found = self.open(channel)
        people = [r["id"] for r in found.get("recipients", [])]
        for denied in [channel, *people]:
            if denied in self.world.denied:
                code = self.world.denied[denied]
                words = {50007: "Cannot send messages to this user", 50013: "Missing Permissions", 50001: "Missing Access"}
                raise Refused(403, code, words.get(code, "Forbidden"))
        if found["type"] not in (TEXT, DM, ANNOUNCEMENT, THREAD, 2):
            raise Refused(400, 50008, "Cannot send messages in a non-text channel")
        return found

    async def get_channel(self, channel, **_):
        return self.open(channel)

    async def get_messages(self, channel, query, **_):
        self.open(channel)
        if self.world.denied.get(channel) == 50001:
            raise Refused(403, 50001, "Missing Access")
        if not query.get("limit", "50").isdigit() or not 1 <= int(query.get("limit", 50)) <= 100:
            raise invalid("limit", "NUMBER_TYPE_MAX", "int value should be less than or equal to 100.")
        limit, rows = int(query.get("limit", 50)), sorted(self.world.messages[channel].values(), key=lambda m: int(m["id"]))
        if "after" in query:  # the oldest ones behind it; always answered newest first
            rows = [m for m in rows if int(m["id"]) > int(query["after"])][:limit]
        elif "before" in query:
            rows = [m for m in rows if int(m["id"]) < int(query["before"])][-limit:]
        return [m for m in rows[-limit:][::-1] if not m["flags"] & 1 << 6]

    async def get_message(self, channel, message, **_):
        return self.world.message(channel, message)

    async def create(self, channel, body, files, **_):
        place = self.writable(channel)
        body = body or {}
        content = checks.message(body, files, self.world)
        nonce = body.get("nonce")
        if nonce is not None and body.get("enforce_nonce"):
            known = self.world.known_nonce(BOT, nonce)
            if known is not None:
                self.world.repeated.append({"id": known["id"], "nonce": nonce, "at": time.time()})
                return known
        reply = self.reply_target(place, body)
        return self.put(place, body, content, files, reply, "create")

    def reply_target(self, place, body):
        reference = checks.kind(body, "message_reference", dict, "Only dictionaries may be used in a DictType")
        if not reference:
            return None
        target = checks.snowflake(reference.get("message_id"), "message_reference")
        found = self.world.messages[place["id"]].get(target)
        if found is None and reference.get("fail_if_not_exists", True):
            raise invalid("message_reference", "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message")
        return found

    def put(self, place, body, content, files, reply, via, webhook=None, extra=None):
        extra = dict(extra or {})
        if body.get("nonce") is not None:
            extra["nonce"] = body["nonce"]
        extra["components"] = body.get("components") or []
        extra["embeds"] = body.get("embeds") or []
        extra["flags"] = (body.get("flags") or 0) | extra.get("flags", 0)
        if reply:
            extra["ping"] = bool((body.get("allowed_mentions") or {}).get("replied_user", not body.get("allowed_mentions")))
        message = self.world.post(place, self.world.users[BOT], content, self.keep(place, body, files), reply, extra, webhook)
        if body.get("nonce") is not None and body.get("enforce_nonce") and not webhook:
            self.world.nonces[(BOT, str(body["nonce"]))] = (place["id"], message["id"], time.time())
        self.record(message, body, via, reply)
        return message

    def keep(self, place, body, files):
        """Stores the files of a request; their attachments in the order of their numbers."""
        described = {str(a.get("id")): a for a in body.get("attachments") or [] if isinstance(a, dict)}
        return [self.world.keep_file(place["id"], described.get(n, {}).get("filename") or f["filename"], f["data"],
                                     f["content_type"], described.get(n, {}).get("description"))
                for n, f in sorted(files.items(), key=lambda row: int(row[0]))]

    def record(self, message, body, via, reply=None):
        place = self.world.channels[message["channel_id"]]
        self.world.sent.append({
            "id": message["id"], "channel_id": place["id"], "guild_id": place.get("guild_id"), "content": message["content"],
            "nonce": body.get("nonce"), "reply_to": reply["id"] if reply else None, "via": via, "at": time.time(),
            "files": [{k: a[k] for k in ("filename", "size", "content_type", "id")} for a in message["attachments"]],
            "components": message["components"], "flags": message["flags"], "allowed_mentions": body.get("allowed_mentions")})
        self.world.notify()

    async def edit(self, channel, message, body, files, **_):
        found = self.world.message(channel, message)
        if found["author"]["id"] != BOT:
            raise Refused(403, 50005, "Cannot edit a message authored by another user")
        return self.change(channel, found, body or {}, files)

    def change(self, channel, found, body, files):
        content = checks.message(body, files, self.world, creating=False)
        if "content" in body:
            found["content"] = content
        found["attachments"] = found["attachments"] + self.keep(self.world.channels[channel], body, files)
        for name in ("embeds", "components"):
            if name in body:
                found[name] = body[name] or []
        found["edited_timestamp"] = stamp()
        found["flags"] &= ~(1 << 7)
        self.world.announce("MESSAGE_UPDATE", self.world.channels[channel], found)
        self.world.notify()
        return found

    async def delete(self, channel, message, **_):
        self.world.message(channel, message)
        if channel in self.world.denied:
            raise Refused(403, 50013, "Missing Permissions")
        del self.world.messages[channel][message]
        place = self.world.channels[channel]
        data = {"id": message, "channel_id": channel}
        if place.get("guild_id"):
            data["guild_id"] = place["guild_id"]
        self.world.dispatch("MESSAGE_DELETE", data, self.world.intents_for(place, 9, 12))
        return 204, None

    async def typing(self, channel, **_):
        self.writable(channel)
        return 204, None

    async def react(self, channel, message, emoji, **_):
        if not re.fullmatch(r"[^\x00-\x7f].{0,30}|\w{2,32}:[0-9]{15,20}|[0-9#*]\ufe0f?\u20e3", emoji):
            raise Refused(400, 10014, "Unknown Emoji")
        self.world.react(self.writable(channel), self.world.message(channel, message), emoji, BOT)
        return 204, None

    async def unreact(self, channel, message, emoji, **_):
        self.world.react(self.open(channel), self.world.message(channel, message), emoji, BOT, added=False)
        return 204, None

    async def get_reactions(self, channel, message, emoji, **_):
        self.world.message(channel, message)
        return [self.world.users[u] for u in self.world.reactions.get(message, {}).get(emoji, [])]

    # ---- threads

    def thread(self, parent, name, first=None, message_id=None):
        if not isinstance(name, str) or not 1 <= len(name) <= 100:
            raise invalid("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
        channel = {"type": THREAD, "name": name, "parent_id": parent["id"], "guild_id": parent["guild_id"], "owner_id": BOT}
        if message_id:
            if message_id in self.world.channels:
                raise Refused(400, 160004, "A thread has already been created for this message")
            channel["id"] = message_id
        made = self.world.add_channel(channel)
        self.world.dispatch("THREAD_CREATE", {**made, "newly_created": True}, 1)
        return made

    async def thread_from(self, channel, message, body, **_):
        parent = self.writable(channel)
        self.world.message(channel, message)
        return 201, self.thread(parent, (body or {}).get("name"), message_id=message)

    async def create_thread(self, channel, body, files, **_):
        parent, body = self.open(channel), body or {}
        if parent["type"] != FORUM_TYPE:
            return 201, self.thread(self.writable(channel), body.get("name"))
        first = body.get("message")
        if not isinstance(first, dict):
            raise invalid("message", "BASE_TYPE_REQUIRED", "This field is required")
        content = checks.message(first, files, self.world)
        made = self.thread(parent, body.get("name"))
        return 201, {**made, "message": self.put(made, first, content, files, None, "forum")}

    async def join_thread(self, channel, **_):
        self.open(channel)
        return 204, None

    # ---- commands and interactions

    def own(self, application):
        if application != BOT:
            raise Refused(403, 20012, "You are not authorized to perform this action on this application")

    async def get_commands(self, application, guild="", **_):
        self.own(application)
        return self.world.commands.get(guild, [])

    async def put_commands(self, application, guild="", body=None, **_):
        self.own(application)
        checks.commands(body)
        self.world.commands[guild] = [{"id": self.world.snowflake(), "application_id": BOT, "version": self.world.snowflake(),
                                       "default_member_permissions": None, "type": 1, "nsfw": False, **row} for row in body]
        self.world.notify()
        return self.world.commands[guild]

    def offer(self, interaction):
        """An interaction happens: its token can be used from now on."""
        interaction = {"id": self.world.snowflake(), "token": "aW50ZXJhY3Rpb246" + secrets.token_hex(40), "version": 1,
                       "application_id": BOT, "locale": "en-US", "entitlements": [], "app_permissions": str(0xFFFFFFFFFF),
                       "authorizing_integration_owners": {}, "attachment_size_limit": checks.MAX_FILE_BYTES, **interaction}
        self.interactions[interaction["token"]] = {
            "interaction": interaction, "at": time.time(), "answered": None, "after": None, "original": None, "loading": False,
            "answer": None}
        self.world.dispatch("INTERACTION_CREATE", interaction)
        return interaction

    async def callback(self, interaction, token, body, files, query, **_):
        row, body = self.interactions.get(token), body or {}
        if row is None or row["interaction"]["id"] != interaction or time.time() - row["at"] > INTERACTION_SECONDS:
            raise Refused(404, 10062, "Unknown interaction")
        if row["answered"] is not None:
            raise Refused(400, 40060, "Interaction has already been acknowledged.")
        kind, data = body.get("type"), body.get("data") or {}
        given = row["interaction"]["type"]
        if kind not in {2: (4, 5, 9), 3: (4, 5, 6, 7, 9), 4: (8,), 5: (4, 5, 6, 7)}.get(given, ()):
            raise invalid("type", "BASE_TYPE_CHOICES", f"interaction type {given} cannot be answered with {kind!r}")
        place = self.open(row["interaction"]["channel_id"])
        if kind == 8 and len(data.get("choices") or []) > 25:
            raise invalid("data", "BASE_TYPE_BAD_LENGTH", "Must be 25 or fewer in length.")
        if kind == 4:
            content = checks.message(data, files, self.world)
            row["original"] = self.put(place, data, content, files, None, "callback", webhook=BOT, extra={"type": 20})
        if kind == 5:
            row["loading"] = True
            row["original"] = self.world.post(place, self.world.users[BOT], webhook=BOT, extra={
                "type": 20, "flags": 1 << 7 | (data.get("flags") or 0)})
        if kind in (6, 7):
            row["original"] = row["interaction"].get("message")
            if kind == 7:
                self.change(place["id"], row["original"], data, files)
        row["answered"], row["after"], row["answer"] = kind, time.time() - row["at"], data
        self.world.notify()
        if query.get("with_response") not in ("1", "true"):
            return 204, None
        original = row["original"] or {"id": None, "flags": 0}
        return {"interaction": {"id": interaction, "type": given, "response_message_id": original["id"],
                                "response_message_loading": row["loading"],
                                "response_message_ephemeral": bool(original["flags"] & 1 << 6)},
                "resource": {"type": kind, **({"message": original} if original["id"] else {})}}

    def by_token(self, application, token):
        self.own(application)
        row = self.interactions.get(token)
        if row is None or row["answered"] is None:
            raise Refused(404, 10015, "Unknown Webhook")
        if time.time() - row["at"] > TOKEN_SECONDS:
            raise Refused(401, 50027, "Invalid Webhook Token")
        return row

    def fill(self, row, body, files):
        """The first words after a deferred answer take the place of "is thinking…"."""
        checks.message(body, files, self.world)
        row["loading"] = False
        found = self.change(row["original"]["channel_id"], row["original"], body, files)
        self.record(found, body, "original")
        return found

    async def follow_up(self, application, token, body, files, **_):
        row, body = self.by_token(application, token), body or {}
        if row["loading"]:
            return self.fill(row, body, files)
        place = self.open(row["interaction"]["channel_id"])
        content = checks.message(body, files, self.world)
        return self.put(place, body, content, files, None, "follow-up", webhook=BOT)

    def original(self, application, token):
        row = self.by_token(application, token)
        if row["original"] is None:
            raise Refused(404, 10008, "Unknown Message")
        return row["original"]

    async def get_original(self, application, token, **_):
        return self.original(application, token)

    async def edit_original(self, application, token, body, files, **_):
        row = self.by_token(application, token)
        if row["loading"]:
            return self.fill(row, body or {}, files)
        found = self.original(application, token)
        return self.change(found["channel_id"], found, body or {}, files)

    async def delete_original(self, application, token, **_):
        found = self.original(application, token)
        self.world.messages[found["channel_id"]].pop(found["id"], None)
        return 204, None

    async def edit_follow_up(self, application, token, message, body, files, **_):
        row = self.by_token(application, token)
        found = self.world.message(row["interaction"]["channel_id"], message)
        return self.change(found["channel_id"], found, body or {}, files)
