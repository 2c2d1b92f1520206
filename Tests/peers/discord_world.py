"""What the Discord fake knows: people, guilds, channels, messages. Objects have the fields that API v10 documents."""

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone

BOT, GUILD, GENERAL, FORUM, ADA, BOB = (str(n) for n in (
    800000000000000001, 810000000000000001, 820000000000000001, 823000000000000001, 842000000000000042,
    842000000000000043))
TEXT, DM, ANNOUNCEMENT, THREAD, FORUM_TYPE = 0, 1, 5, 11, 15
EPOCH_MS = 1420070400000
NONCE_SECONDS = 300


class Refused(Exception):
    """An error answer: HTTP status, Discord's error code and words, and the errors tree of an invalid form."""

    def __init__(self, status, code, message, errors=None):
        self.status, self.code, self.message, self.errors = status, code, message, errors


def invalid(field_name, code, message):
    """400 "Invalid Form Body", as the API words it."""
    return Refused(400, 50035, "Invalid Form Body", {field_name: {"_errors": [{"code": code, "message": message}]}})


def stamp(seconds=None):
    return datetime.fromtimestamp(seconds or time.time(), timezone.utc).isoformat(timespec="microseconds")


@dataclass
class World:
    token: str
    base: str = ""
    name: str = "clawhold"
    flags: int = 1 << 19 | 1 << 15  # message content and guild members, granted as to an unverified bot
    users: dict = field(default_factory=dict)
    guilds: dict = field(default_factory=dict)
    channels: dict = field(default_factory=dict)
    messages: dict = field(default_factory=dict)   # channel id -> {message id -> message}
    reactions: dict = field(default_factory=dict)  # message id -> {emoji -> [user id]}
    files: dict = field(default_factory=dict)      # attachment id -> bytes
    nonces: dict = field(default_factory=dict)     # (author id, nonce) -> (channel id, message id, time)
    commands: dict = field(default_factory=dict)   # guild id or "" -> [command]
    sent: list = field(default_factory=list)       # messages of the bot, in order
    repeated: list = field(default_factory=list)   # creates that enforce_nonce turned into the message there was
    violations: list = field(default_factory=list)
    denied: dict = field(default_factory=dict)     # channel or user id -> error code of every send there
    dispatch: object = None                        # (event name, data, intents of which one is needed) -> None
    sequence: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self):
        self.users[BOT] = {"id": BOT, "username": self.name, "global_name": None, "discriminator": "0", "avatar": None,
                           "bot": True, "public_flags": 0}
        for user, name in ((ADA, "ada"), (BOB, "bob")):
            self.add_user(user, name)
        self.add_guild(GUILD, "Workshop")
        self.add_channel({"id": GENERAL, "guild_id": GUILD, "name": "general", "type": TEXT})
        self.add_channel({"id": FORUM, "guild_id": GUILD, "name": "ideas", "type": FORUM_TYPE})

    # ---- waiting

    def notify(self):
        self.changed.set()
        self.changed = asyncio.Event()

    async def until(self, ready, seconds):
        deadline = time.monotonic() + seconds
        while not ready() and (left := deadline - time.monotonic()) > 0:
            try:
                await asyncio.wait_for(self.changed.wait(), left)
            except asyncio.TimeoutError:
                return

    # ---- things

    def snowflake(self):
        """A new id, higher than every one given out before."""
        self.sequence += 1
        return str(int(time.time() * 1000 - EPOCH_MS) << 22 | self.sequence & 0x3FFFFF)

    def add_user(self, user_id, name, **more):
        self.users[user_id] = {"id": user_id, "username": name, "global_name": name.capitalize(), "discriminator": "0",
                               "avatar": None, "public_flags": 0, **more}
        return self.users[user_id]

    def user(self, who):
        """A user by id or name; a name that is not known is a new person."""
        found = self.users.get(str(who)) or next((u for u in self.users.values() if u["username"] == who), None)
        return found or self.add_user(self.snowflake(), str(who))

    def add_guild(self, guild_id, name):
        everyone = {"id": guild_id, "name": "@everyone", "color": 0, "hoist": False, "position": 0, "managed": False,
                    "permissions": str(0xFFFFFFFFFF), "mentionable": False, "flags": 0}
        self.guilds[guild_id] = {
            "id": guild_id, "name": name, "icon": None, "owner_id": ADA, "roles": [everyone], "emojis": [], "stickers": [],
            "features": [], "afk_timeout": 300, "afk_channel_id": None, "application_id": None, "banner": None,
            "default_message_notifications": 0, "description": None, "discovery_splash": None,
            "explicit_content_filter": 0, "mfa_level": 0, "nsfw_level": 0, "preferred_locale": "en-US", "premium_tier": 0,
            "premium_subscription_count": 0, "public_updates_channel_id": None, "rules_channel_id": None, "splash": None,
            "system_channel_flags": 0, "system_channel_id": None, "vanity_url_code": None, "verification_level": 0,
            "max_members": 500000, "premium_progress_bar_enabled": False, "safety_alerts_channel_id": None}
        return self.guilds[guild_id]

    def guild_create(self, guild_id):
        """The GUILD_CREATE of a guild that became available."""
        channels = [c for c in self.channels.values() if c.get("guild_id") == guild_id]
        members = [self.member(u, with_user=True) for u in self.users]
        return {**self.guilds[guild_id], "joined_at": stamp(), "large": False, "unavailable": False,
                "member_count": len(members), "members": members, "presences": [], "voice_states": [],
                "channels": [c for c in channels if c["type"] != THREAD],
                "threads": [c for c in channels if c["type"] == THREAD],
                "stage_instances": [], "guild_scheduled_events": [], "soundboard_sounds": []}

    def member(self, user_id, with_user=False):
        member = {"roles": [], "nick": None, "avatar": None, "joined_at": stamp(1700000000), "premium_since": None,
                  "deaf": False, "mute": False, "flags": 0, "pending": False, "communication_disabled_until": None}
        return {"user": self.users[user_id], **member} if with_user else member

    def add_channel(self, channel):
        channel = {"id": self.snowflake(), "type": TEXT, "last_message_id": None, "flags": 0, **channel}
        if channel["type"] == THREAD:
            now = stamp()
            channel = {"owner_id": ADA, "message_count": 0, "member_count": 1, "total_message_sent": 0,
                       "rate_limit_per_user": 0, "thread_metadata": {
                           "archived": False, "auto_archive_duration": 1440, "archive_timestamp": now, "locked": False,
                           "create_timestamp": now}, **channel}
        elif channel["type"] != DM:
            channel = {"position": 0, "permission_overwrites": [], "nsfw": False, "parent_id": None, "topic": None,
                       "rate_limit_per_user": 0, **channel}
            if channel["type"] == FORUM_TYPE:
                channel = {"available_tags": [], "default_reaction_emoji": None, "default_sort_order": None,
                           "default_forum_layout": 0, **channel}
        self.channels[channel["id"]] = channel
        self.messages.setdefault(channel["id"], {})
        return channel

    def channel(self, which):
        """A channel by id or name."""
        found = self.channels.get(str(which)) or next((c for c in self.channels.values() if c.get("name") == which), None)
        if found is None:
            raise Refused(404, 10003, "Unknown Channel")
        return found

    def dm(self, user_id):
        for channel in self.channels.values():
            if channel["type"] == DM and channel["recipients"][0]["id"] == user_id:
                return channel
        return self.add_channel({"type": DM, "recipients": [self.users[user_id]]})

    def message(self, channel_id, message_id):
        found = self.messages[self.channel(channel_id)["id"]].get(str(message_id))
        if found is None:
            raise Refused(404, 10008, "Unknown Message")
        return found

    def keep_file(self, channel_id, filename, data, content_type, description=None):
        """Stores bytes and returns the attachment that leads to them."""
        attachment_id = self.snowflake()
        self.files[attachment_id] = (data, content_type)
        path = f"/attachments/{channel_id}/{attachment_id}/{filename}?ex=7fffffff&is=60000000&hm={secrets.token_hex(16)}"
        attachment = {"id": attachment_id, "filename": filename, "size": len(data), "url": self.base + path,
                      "proxy_url": self.base + path, "content_type": content_type}
        if description is not None:
            attachment["description"] = description
        return attachment

    # ---- what happens

    def intents_for(self, channel, guild_bit, dm_bit):
        return 1 << (guild_bit if channel.get("guild_id") else dm_bit)

    def post(self, channel, author, content="", attachments=(), reply_to=None, extra=None, webhook=None):
        """A message appears: it is stored and everybody connected hears of it."""
        mentioned = [u for u in self.users.values() if f"<@{u['id']}>" in content or f"<@!{u['id']}>" in content]
        message = {"id": self.snowflake(), "channel_id": channel["id"], "author": author, "content": content,
                   "timestamp": stamp(), "edited_timestamp": None, "tts": False, "mention_everyone": "@everyone" in content,
                   "mentions": mentioned, "mention_roles": [], "attachments": list(attachments), "embeds": [],
                   "pinned": False, "type": 19 if reply_to else 0, "flags": 0, "components": []}
        if reply_to:
            message["message_reference"] = {"type": 0, "message_id": reply_to["id"], "channel_id": channel["id"]}
            if channel.get("guild_id"):
                message["message_reference"]["guild_id"] = channel["guild_id"]
            message["referenced_message"] = reply_to
            if reply_to["author"] not in mentioned and (extra or {}).pop("ping", True):
                message["mentions"] = mentioned + [reply_to["author"]]
        if webhook:
            message["webhook_id"] = webhook
        message.update(extra or {})
        self.messages[channel["id"]][message["id"]] = message
        channel["last_message_id"] = message["id"]
        self.announce("MESSAGE_CREATE", channel, message)
        return message

    def announce(self, event, channel, message):
        if message["flags"] & 1 << 6:  # ephemeral: only the person who asked sees it
            return
        data = dict(message)
        if channel.get("guild_id"):
            data["guild_id"] = channel["guild_id"]
            if event == "MESSAGE_CREATE" and not message.get("webhook_id"):
                data["member"] = self.member(message["author"]["id"])
        self.dispatch(event, data, self.intents_for(channel, 9, 12))

    def react(self, channel, message, emoji, user_id, added=True):
        people = self.reactions.setdefault(message["id"], {}).setdefault(emoji, [])
        if added == (user_id in people):
            return
        people.append(user_id) if added else people.remove(user_id)
        name, _, custom = emoji.partition(":")
        data = {"user_id": user_id, "channel_id": channel["id"], "message_id": message["id"], "burst": False, "type": 0,
                "emoji": {"id": custom or None, "name": name}}
        if channel.get("guild_id"):
            data["guild_id"] = channel["guild_id"]
            if added:
                data["member"] = self.member(user_id, with_user=True)
        if added:
            data["message_author_id"] = message["author"]["id"]
        self.dispatch("MESSAGE_REACTION_ADD" if added else "MESSAGE_REACTION_REMOVE", data,
                      self.intents_for(channel, 10, 13))
        self.notify()

    def known_nonce(self, author_id, nonce):
        """The message that this author has sent with this nonce within the last minutes."""
        row = self.nonces.get((author_id, str(nonce)))
        if row is None or time.time() - row[2] > NONCE_SECONDS:
            return None
        return self.messages[row[0]].get(row[1])
