"""What a bot does in chats: messages, files, edits, reactions, keyboards, commands."""

import base64
import json
import re
import time

from botapi_html import ParseError, plain, utf16_length

ACTIONS = ("typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
           "choose_sticker", "find_location", "record_video_note", "upload_video_note")
EMOJI = set("👍👎❤🔥🥰👏😁🤔🤯😱🤬😢🎉🤩🤮💩🙏👌🕊🤡🥱🥴😍🐳🌚🌭💯🤣⚡🍌🏆💔🤨😐🍓🍾💋🖕😈😴😭🤓👻👀🎃🙈😇😨🤝✍🤗🫡🎅🎄☃💅🤪🗿🆒💘🙉🦄😘💊🙊😎👾😡")
DOWNLOAD_LIMIT, UPLOAD_LIMIT, PHOTO_LIMIT = 20 << 20, 50 << 20, 10 << 20
MEDIA = {"sendPhoto": "photo", "sendDocument": "document", "sendVoice": "voice", "sendAudio": "audio", "sendVideo": "video",
         "sendAnimation": "animation"}


class Refused(Exception):
    """An answer with ok=false."""

    def __init__(self, code, description, parameters=None):
        self.code, self.description, self.parameters = code, description, parameters


def truth(value):
    return value is True or str(value).lower() in ("true", "1")


def structure(value):
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise Refused(400, "Bad Request: can't parse JSON object") from None


def integer(params, name, default):
    value = params.get(name, default)
    if value is default:
        return default
    try:
        return int(value)
    except (TypeError, ValueError):
        raise Refused(400, f"Bad Request: invalid {name}") from None


class Sends:
    """The methods that act on chats; BotAPI has the state."""

    # ---- checks

    def chat_of(self, params):
        chat_id = integer(params, "chat_id", None)
        if chat_id is None:
            raise Refused(400, "Bad Request: chat_id is empty")
        if chat_id in self.migrated:
            raise Refused(400, "Bad Request: group chat was upgraded to a supergroup chat",
                          {"migrate_to_chat_id": self.migrated[chat_id]})
        if chat_id in self.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        if chat_id not in self.chats:
            raise Refused(400, "Bad Request: chat not found")
        return self.chats[chat_id]

    def text_of(self, params, name, limit, words):
        text, mode = str(params.get(name) or ""), params.get("parse_mode")
        if mode is not None:
            if str(mode).lower() != "html":
                raise Refused(400, "Bad Request: unsupported parse_mode")
            try:
                text = plain(text)
            except ParseError as error:
                raise Refused(400, f"Bad Request: can't parse entities: {error}") from None
        if utf16_length(text) > limit:
            raise Refused(400, f"Bad Request: {words}")
        return text

    def thread_of(self, params, chat):
        thread = integer(params, "message_thread_id", None)
        if thread is not None and (chat["id"], thread) not in self.threads:
            raise Refused(400, "Bad Request: message thread not found")
        if (chat["id"], thread) in self.closed_threads:
            raise Refused(400, "Bad Request: TOPIC_CLOSED")
        return thread

    def reply_of(self, params, chat):
        reply = structure(params.get("reply_parameters"))
        if reply is None:
            return None
        answered = reply.get("message_id")
        if not isinstance(answered, int):
            raise Refused(400, "Bad Request: message identifier is not specified")
        if (chat["id"], answered) in self.messages:
            return answered
        if not truth(reply.get("allow_sending_without_reply")):
            raise Refused(400, "Bad Request: message to be replied not found")
        return None

    def markup_of(self, params):
        markup = structure(params.get("reply_markup"))
        for row in (markup or {}).get("inline_keyboard") or []:
            for button in row:
                data = button.get("callback_data")
                if not str(button.get("text", "")).strip():
                    raise Refused(400, "Bad Request: inline keyboard button text must be non-empty")
                if data is None and not any(k in button for k in ("url", "web_app", "switch_inline_query", "copy_text")):
                    raise Refused(400, "Bad Request: inline keyboard button must have exactly one action")
                if data is not None and not 1 <= len(str(data).encode()) <= 64:
                    raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
        return markup

    # ---- messages

    def put(self, method, params, chat, text, fields, sent):
        thread, answered, markup = self.thread_of(params, chat), self.reply_of(params, chat), self.markup_of(params)
        message = {"message_id": self.take_message_id(chat["id"]), "date": int(time.time()), "chat": chat,
                   "from": self.me(), **fields}
        if thread is not None:
            message["message_thread_id"] = thread
        if answered is not None:
            message["reply_to_message"] = {"message_id": answered, "date": int(time.time()), "chat": chat}
        if markup and "inline_keyboard" in markup:
            message["reply_markup"] = markup
        self.messages[(chat["id"], message["message_id"])] = message
        self.sent.append({"chat_id": chat["id"], "text": text, "message_id": message["message_id"], "reply_to": answered,
                          "thread": thread, "parse_mode": params.get("parse_mode"), "at": time.time(), "method": method,
                          "reply_markup": markup, **sent})
        self.notify()
        return message

    async def do_sendmessage(self, params):
        chat = self.chat_of(params)
        text = self.text_of(params, "text", 4096, "message is too long")
        if not text.strip():
            raise Refused(400, "Bad Request: message text is empty")
        # What was sent is kept as it was written: tests compare it.
        return self.put("sendMessage", params, chat, str(params["text"]), {"text": text}, {})

    async def send_media(self, method, params):
        chat, kind = self.chat_of(params), MEDIA[method]
        caption = self.text_of(params, "caption", 1024, "message caption is too long")
        kept = self.file_of(params, kind)
        if kind == "photo" and len(kept["data"]) > PHOTO_LIMIT:
            raise Refused(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
        fields = {kind: self.media(kind, kept)} | ({"caption": caption} if caption else {})
        return self.put(method, params, chat, params.get("caption"), fields, {
            "file": {"kind": kind, "file_id": kept["id"], "filename": kept["filename"], "size": len(kept["data"]),
                     "content_type": kept["content_type"], "data": base64.b64encode(kept["data"][:256]).decode()}})

    async def do_sendmediagroup(self, params):
        rows = structure(params.get("media"))
        if not isinstance(rows, list) or not 2 <= len(rows) <= 10:
            raise Refused(400, "Bad Request: group of 2 to 10 media is expected")
        method = {v: k for k, v in MEDIA.items()}
        group, made = str(self.next_update_id), []
        for row in rows:
            if row.get("type") not in ("photo", "video", "audio", "document"):
                raise Refused(400, "Bad Request: can't use media of the specified type in the album")
            one = {**params, **row, row["type"]: row.get("media")}
            one.pop("reply_markup", None)
            made.append({**await self.send_media(method[row["type"]], one), "media_group_id": group})
        return made

    def own(self, params, words):
        chat = self.chat_of(params)
        message = self.messages.get((chat["id"], integer(params, "message_id", None)))
        if message is None:
            raise Refused(400, f"Bad Request: {words}")
        return message

    async def do_editmessagetext(self, params):
        message = self.own(params, "message to edit not found")
        if message.get("from", {}).get("id") != self.bot_id:
            raise Refused(400, "Bad Request: message can't be edited")
        text, markup = self.text_of(params, "text", 4096, "MESSAGE_TOO_LONG"), self.markup_of(params)
        if not text.strip():
            raise Refused(400, "Bad Request: message text is empty")
        if text == message.get("text") and markup == message.get("reply_markup"):
            raise Refused(400, "Bad Request: message is not modified: specified new message content and reply markup are "
                               "exactly the same as a current content and reply markup of the message")
        message.update(text=text, edit_date=int(time.time()))
        message.pop("reply_markup", None)
        if markup:
            message["reply_markup"] = markup
        self.notify()
        return message

    async def do_editmessagereplymarkup(self, params):
        message, markup = self.own(params, "message to edit not found"), self.markup_of(params)
        if markup == message.get("reply_markup"):
            raise Refused(400, "Bad Request: message is not modified: specified new message content and reply markup are "
                               "exactly the same as a current content and reply markup of the message")
        message.pop("reply_markup", None)
        if markup:
            message["reply_markup"] = markup
        self.notify()
        return message

    async def do_deletemessage(self, params):
        message = self.own(params, "message to delete not found")
        del self.messages[(message["chat"]["id"], message["message_id"])]
        self.notify()
        return True

    async def do_setmessagereaction(self, params):
        message = self.own(params, "message to react not found")
        rows = structure(params.get("reaction")) or []
        for row in rows:
            if row.get("type") != "emoji" or str(row.get("emoji", "")).rstrip("\ufe0f") not in EMOJI:
                raise Refused(400, "Bad Request: REACTION_INVALID")
        if len(rows) > 1:
            raise Refused(400, "Bad Request: REACTIONS_TOO_MANY")
        self.reactions[f"{message['chat']['id']}:{message['message_id']}"] = [row["emoji"] for row in rows]
        self.notify()
        return True

    async def do_sendchataction(self, params):
        chat = self.chat_of(params)
        if params.get("action") not in ACTIONS:
            raise Refused(400, "Bad Request: wrong parameter action in request")
        thread = integer(params, "message_thread_id", None)
        if thread not in (None, 1) and (chat["id"], thread) not in self.threads:
            raise Refused(400, "Bad Request: message thread not found")
        return True

    async def do_answercallbackquery(self, params):
        if self.callbacks.pop(str(params.get("callback_query_id")), None) is None:
            raise Refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        if utf16_length(str(params.get("text") or "")) > 200:
            raise Refused(400, "Bad Request: MESSAGE_TOO_LONG")
        return True

    # ---- files

    def keep(self, data, filename, content_type):
        number = len(self.files) + 1
        kept = {"id": f"BQACAgQAAxk{number:06d}", "unique": f"AgAD{number:06d}", "data": data, "filename": filename,
                "content_type": content_type, "path": f"documents/file_{number}{extension(filename)}"}
        self.files[kept["id"]] = kept
        return kept

    def file_of(self, params, name):
        value = params.get(name)
        if isinstance(value, str) and value.startswith("attach://"):
            value = params.get(value[len("attach://"):])
        if isinstance(value, dict) and "data" in value:
            if not value["data"]:
                raise Refused(400, "Bad Request: file must be non-empty")
            if len(value["data"]) > UPLOAD_LIMIT:
                raise Refused(413, "Request Entity Too Large")
            return self.keep(value["data"], value["filename"], value["content_type"])
        if isinstance(value, str) and value in self.files:
            return self.files[value]
        if not value:
            raise Refused(400, f"Bad Request: there is no {name} in the request")
        raise Refused(400, "Bad Request: wrong file identifier/HTTP URL specified")

    def media(self, kind, kept):
        one = {"file_id": kept["id"], "file_unique_id": kept["unique"], "file_size": len(kept["data"])}
        if kind == "photo":
            small = {**one, "file_id": kept["id"], "file_size": min(900, one["file_size"]), "width": 90, "height": 90}
            return [small, {**one, "width": 1280, "height": 1280}]
        if kept["content_type"]:
            one["mime_type"] = kept["content_type"]
        if kind != "voice" and kept["filename"]:
            one["file_name"] = kept["filename"]
        if kind in ("voice", "audio", "video", "animation"):
            one["duration"] = 1
        if kind in ("video", "animation"):
            one |= {"width": 320, "height": 240}
        return one

    async def do_getfile(self, params):
        kept = self.files.get(str(params.get("file_id")))
        if kept is None:
            raise Refused(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        if len(kept["data"]) > DOWNLOAD_LIMIT:
            raise Refused(400, "Bad Request: file is too big")
        return {"file_id": kept["id"], "file_unique_id": kept["unique"], "file_size": len(kept["data"]), "file_path": kept["path"]}

    # ---- chats and commands

    async def do_getchat(self, params):
        return {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": {
            "unlimited_gifts": True, "limited_gifts": True, "unique_gifts": True, "premium_subscription": True,
            "gifts_from_channels": True}, **self.chat_of(params)}

    async def do_getchatmember(self, params):
        chat, user = self.chat_of(params), integer(params, "user_id", None)
        status = self.members.get((chat["id"], user), "member")
        about = self.me() if user == self.bot_id else {"id": user, "is_bot": False, "first_name": "Ada"}
        more = dict.fromkeys(("can_be_edited", "is_anonymous", "can_manage_chat", "can_delete_messages",
                              "can_manage_video_chats", "can_restrict_members", "can_promote_members", "can_change_info",
                              "can_invite_users", "can_post_stories", "can_edit_stories", "can_delete_stories"), False)
        return {"user": about, "status": status} | (more if status == "administrator" else {})

    async def do_setmycommands(self, params):
        rows = structure(params.get("commands"))
        if not isinstance(rows, list) or len(rows) > 100:
            raise Refused(400, "Bad Request: BOT_COMMANDS_TOO_MUCH")
        for row in rows:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", str(row.get("command", ""))):
                raise Refused(400, "Bad Request: BOT_COMMAND_INVALID")
            if not 1 <= len(str(row.get("description", ""))) <= 256:
                raise Refused(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
        self.commands[scope(params)] = rows
        self.notify()
        return True

    async def do_deletemycommands(self, params):
        self.commands.pop(scope(params), None)
        self.notify()
        return True

    async def do_getmycommands(self, params):
        return self.commands.get(scope(params), [])


def scope(params):
    return json.dumps([structure(params.get("scope")) or {"type": "default"}, params.get("language_code") or ""])


def extension(filename):
    return "." + filename.rpartition(".")[2] if filename and "." in filename else ""
