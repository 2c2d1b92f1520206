#!/usr/bin/env python3
"""python-telegram-bot works against botapi_fake.py: only then is the fake good enough to test our worker against."""

import asyncio
import logging
import socket

import telegram
from telegram.error import BadRequest, Conflict, InvalidToken, RetryAfter, TimedOut
from telegram.ext import ApplicationBuilder, MessageHandler, filters
from telegram.request import HTTPXRequest

from fake_process import FakeProcess, fails

TOKEN = "123456:AAE-test"
logging.disable(logging.CRITICAL)


class Fake(FakeProcess):
    def __init__(self):
        super().__init__("botapi_fake.py", "--token", TOKEN)

    def bot(self, token=TOKEN, **timeouts):
        return telegram.Bot(token, base_url=self.url + "/bot", base_file_url=self.url + "/file/bot",
                            request=HTTPXRequest(**timeouts), get_updates_request=HTTPXRequest(**timeouts))


async def polling(fake):
    """An Application polls, answers, confirms by offset, and confirms what is left when it stops."""
    await fake.ask("webhook", {"url": "https://example.invalid/hook"})
    application = (ApplicationBuilder().token(TOKEN).base_url(fake.url + "/bot").base_file_url(fake.url + "/file/bot").build())

    async def echo(update, context):
        await update.message.reply_text("echo: " + update.message.text, do_quote=True)
    application.add_handler(MessageHandler(filters.TEXT, echo))
    async with application:
        await application.start()
        await application.updater.start_polling(timeout=5)
        state = await fake.ask("state")
        assert state["webhook"] == "", "start_polling deletes the webhook"
        texts = ["hello", "grüß dich 👋", "a & b <c>"]
        updates = [await fake.ask("message", {"chat_id": 42, "text": text}) for text in texts]
        sent = []
        while len(sent) < 3:
            sent += await fake.ask(f"sent?wait=10&after={len(sent)}")
        assert [s["text"] for s in sent] == ["echo: " + t for t in texts], sent
        assert [s["reply_to"] for s in sent] == [u["message"]["message_id"] for u in updates], sent
        assert await fake.ask(f"wait-confirmed?id={updates[-1]['update_id']}&wait=10"), "a higher offset confirms"
        topic = await fake.ask("message", {"chat_id": -1001, "text": "in a topic",
                                           "chat": {"id": -1001, "type": "supergroup", "title": "W", "is_forum": True},
                                           "extra": {"message_thread_id": 7, "is_topic_message": True}})
        row = (await fake.ask("sent?wait=10&after=3"))[0]
        assert row["thread"] == 7 and row["reply_to"] == topic["message"]["message_id"], row
        await application.updater.stop()
        await application.stop()
    state = await fake.ask("state")
    assert state["pending"] == [] and state["conflicts"] == 0 and state["violations"] == [], state


async def unconfirmed(fake):
    """What was handed out and not confirmed is handed out again; a higher offset forgets it."""
    async with fake.bot() as bot:
        update = await fake.ask("message", {"chat_id": 42, "text": "again"})
        for _ in range(2):
            got = await bot.get_updates(timeout=1)
            assert [u.update_id for u in got] == [update["update_id"]], got
        assert await bot.get_updates(offset=update["update_id"] + 1, timeout=0) == ()
        assert await bot.get_updates(timeout=0) == ()


async def conflict(fake):
    """Of two polls at once the earlier is ended with 409."""
    async with fake.bot() as one, fake.bot() as two:
        first = asyncio.create_task(one.get_updates(timeout=10))
        while not (await fake.ask("state"))["polling"]:
            pass
        second = asyncio.create_task(two.get_updates(timeout=10))
        try:
            await first
            raise AssertionError("no conflict")
        except Conflict:
            pass
        update = await fake.ask("message", {"chat_id": 42, "text": "for the second"})
        assert [u.update_id for u in await second] == [update["update_id"]]
        await two.get_updates(offset=update["update_id"] + 1, timeout=0)
        assert (await fake.ask("state"))["conflicts"] == 1


async def errors(fake):
    """Errors come as the exceptions that the library makes of the real server's."""
    async with fake.bot() as bot:
        await fake.ask("fault", {"method": "sendMessage", "status": 429, "description": "Too Many Requests: retry after 3",
                                 "retry_after": 3})
        await fails(bot.send_message(42, "x"), RetryAfter, "Retry in 3")
        await fails(bot.send_message(42, "<b>x", parse_mode="HTML"), BadRequest, "parse entities")
        await fails(bot.send_message(42, "x" * 4097), BadRequest, "too long")
        await fails(bot.send_message(43, "x"), BadRequest, "Chat not found")
        await fails(bot.send_message(42, "x", message_thread_id=9), BadRequest, "thread not found")
        lost = telegram.ReplyParameters(999999, allow_sending_without_reply=True)
        assert (await bot.send_message(42, "x", reply_parameters=lost)).reply_to_message is None
        assert (await bot.send_message(42, "<b>x</b>", parse_mode="HTML")).message_id > 0
        await bot.send_chat_action(42, "typing")
    try:
        async with fake.bot(token="123456:wrong"):
            raise AssertionError("a wrong token was taken")
    except InvalidToken:
        pass


async def in_doubt(fake):
    """A message can be accepted without the client ever knowing."""
    before = len(await fake.ask("sent"))
    async with fake.bot(read_timeout=0.5) as bot:
        await fake.ask("fault", {"method": "sendMessage", "mode": "hang-after-accept"})
        await fails(bot.send_message(42, "counted"), TimedOut, "")
        await fake.ask("fault", {"method": "sendMessage", "mode": "close-after-accept"})
        await fails(bot.send_message(42, "counted too"), telegram.error.NetworkError, "")
        await fake.ask("fault", {"method": "sendMessage", "mode": "drop"})
        await fails(bot.send_message(42, "not counted"), telegram.error.NetworkError, "")
    assert [s["text"] for s in await fake.ask(f"sent?after={before}")] == ["counted", "counted too"]


async def chats(fake):
    """Edits, deletes, reactions, buttons, command menus, members; and what is refused of them."""
    async with fake.bot() as bot:
        keyboard = telegram.InlineKeyboardMarkup([[telegram.InlineKeyboardButton("Yes", callback_data="yes")]])
        sent = await bot.send_message(42, "sure?", reply_markup=keyboard)
        assert sent.reply_markup == keyboard
        await fake.ask("press", {"chat_id": 42, "message_id": sent.message_id, "data": "yes"})
        query = (await bot.get_updates(timeout=5))[0].callback_query
        assert query.data == "yes" and query.message.message_id == sent.message_id
        assert await bot.answer_callback_query(query.id, "noted")
        await fails(bot.answer_callback_query(query.id), BadRequest, "query is too old")
        edited = await bot.edit_message_text("<b>done</b> &amp; dusted", 42, sent.message_id, parse_mode="HTML")
        assert edited.text == "done & dusted" and edited.reply_markup is None
        await fails(bot.edit_message_text("done & dusted", 42, sent.message_id), BadRequest, "not modified")
        await fails(bot.edit_message_text("x", 42, 999), BadRequest, "message to edit not found")
        for text, words in (("a < b", "unsupported start tag"), ("<b>x</i>", "unmatched end tag"), ("x</b>", "unexpected end"),
                            ("<b>x", "can't find end tag"), ("<h1>x</h1>", "unsupported start tag")):
            await fails(bot.send_message(42, text, parse_mode="HTML"), BadRequest, words)
        assert (await bot.send_message(42, "<b>" + "x" * 4096 + "</b>", parse_mode="HTML")).text == "x" * 4096
        await fails(bot.send_message(42, "<b></b> ", parse_mode="HTML"), BadRequest, "empty")
        long = [[telegram.InlineKeyboardButton("x", callback_data="ü" * 33)]]
        await fails(bot.send_message(42, "x", reply_markup=telegram.InlineKeyboardMarkup(long)), BadRequest, "data_invalid")
        said = await fake.ask("message", {"chat_id": 42, "text": "like me"})
        number = said["message"]["message_id"]
        assert await bot.set_message_reaction(42, number, "👍")
        assert (await fake.ask("state"))["reactions"] == {f"42:{number}": ["👍"]}
        await fails(bot.set_message_reaction(42, number, "x"), BadRequest, "reaction_invalid")
        assert await bot.delete_message(42, sent.message_id)
        await fails(bot.delete_message(42, sent.message_id), BadRequest, "not found")
        menu = [telegram.BotCommand("status", "Says how it is")]
        assert await bot.set_my_commands(menu) and await bot.get_my_commands() == tuple(menu)
        await fails(bot.set_my_commands([("Bad-Name", "x")]), BadRequest, "command_invalid")
        assert await bot.delete_my_commands() and await bot.get_my_commands() == ()
        await fake.ask("member", {"chat_id": 42, "user_id": 123456, "status": "administrator"})
        assert (await bot.get_chat_member(42, 123456)).status == "administrator"
        assert (await bot.get_chat(42)).first_name == "Ada"
        await fake.ask("block", {"chat_id": 42})
        await fails(bot.send_message(42, "x"), telegram.error.Forbidden, "blocked")


async def reactions(fake):
    """message_reaction comes only to who asks for it; a group moves, and says where to."""
    async with fake.bot() as bot:
        await bot.get_updates(timeout=0)
        said = await fake.ask("message", {"chat_id": -5, "text": "x", "chat": {"id": -5, "type": "group", "title": "W"}})
        number, first = said["message"]["message_id"], said["update_id"]
        await fake.ask("reaction", {"chat_id": -5, "message_id": number, "emoji": ["🎉"]})
        assert [u.update_id for u in await bot.get_updates(timeout=0)] == [first], "not in the default set"
        await bot.get_updates(offset=first + 1, timeout=0, allowed_updates=["message", "message_reaction"])
        await fake.ask("reaction", {"chat_id": -5, "message_id": number, "emoji": ["🎉"]})
        got = (await bot.get_updates(timeout=5))[0].message_reaction
        assert got.new_reaction[0].emoji == "🎉" and got.message_id == number
        await fake.ask("migrate", {"from": -5, "to": -1005})
        error = await fails(bot.send_message(-5, "x"), telegram.error.ChatMigrated, "-1005")
        assert error.new_chat_id == -1005 and (await bot.send_message(-1005, "x")).chat.id == -1005
        topic = {"chat_id": -1005, "thread": 9}
        await fails(bot.send_message(-1005, "x", message_thread_id=9), BadRequest, "thread not found")
        await fake.ask("topic", topic)
        assert (await bot.send_message(-1005, "x", message_thread_id=9)).message_thread_id == 9
        await fake.ask("topic", {**topic, "closed": True})
        await fails(bot.send_message(-1005, "x", message_thread_id=9), BadRequest, "topic_closed")


async def files(fake):
    """Files of every kind go up as multipart and by id, and come down by getFile."""
    data = bytes(range(256)) * 500
    async with fake.bot() as bot:
        kinds = {"photo": bot.send_photo, "document": bot.send_document, "voice": bot.send_voice, "audio": bot.send_audio,
                 "video": bot.send_video, "animation": bot.send_animation}
        for kind, send in kinds.items():
            message = await send(42, telegram.InputFile(data, filename="a b." + kind), caption="<i>look</i>", parse_mode="HTML")
            row = (await fake.ask("sent"))[-1]
            assert message.caption == "look" and row["file"]["kind"] == kind and row["file"]["size"] == len(data), row
            kept = getattr(message, kind)
            kept = kept[-1] if kind == "photo" else kept
            assert bytes(await (await bot.get_file(kept)).download_as_bytearray()) == data
            assert (await send(42, kept.file_id)).message_id > message.message_id
        album = await bot.send_media_group(42, [telegram.InputMediaPhoto(data), telegram.InputMediaPhoto(data)], caption="two")
        assert len(album) == 2 and album[0].caption == "two"
        await fails(bot.send_photo(42, telegram.InputFile(data), caption="x" * 1025), BadRequest, "caption is too long")
        await fails(bot.send_document(42, "no-such-file"), BadRequest, "wrong file identifier")
        await fails(bot.send_document(42, telegram.InputFile(bytes((50 << 20) + 1))), telegram.error.NetworkError, "Too Large")
        said = await fake.ask("message", {"chat_id": 42, "file": {"kind": "voice", "size": 300, "content_type": "audio/ogg"}})
        voice = (await bot.get_updates(timeout=5))[0].message.voice
        assert voice.mime_type == "audio/ogg" and len(await (await voice.get_file()).download_as_bytearray()) == 300
        large = await fake.ask("message", {"chat_id": 42, "file": {"kind": "document", "size": (20 << 20) + 1}})
        await fails(bot.get_file(large["message"]["document"]["file_id"]), BadRequest, "file is too big")
        assert said["message"]["voice"]["file_id"] == voice.file_id


async def webhook(fake):
    """Updates come to the library's webhook server with the secret, again until it says 200; polling is refused meanwhile."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    application = (ApplicationBuilder().token(TOKEN).base_url(fake.url + "/bot").base_file_url(fake.url + "/file/bot").build())

    async def echo(update, context):
        await update.message.reply_text("echo: " + update.message.text)
    application.add_handler(MessageHandler(filters.TEXT, echo))
    await fake.ask("webhook-target", {"url": f"http://127.0.0.1:{port}"})
    async with application:
        bot = application.bot
        await fails(bot.set_webhook("http://bot.example/hook", secret_token="s"), BadRequest, "https")
        await fails(bot.set_webhook("https://bot.example/hook", secret_token="not ok"), BadRequest, "unallowed")
        # Nobody listens yet: what is delivered now is delivered again.
        await bot.set_webhook("https://bot.example/hook", secret_token="secret_1")
        early = await fake.ask("message", {"chat_id": 42, "text": "early"})
        assert (await fake.ask("deliveries?wait=5"))[0]["status"] == 0
        await fails(bot.get_updates(timeout=0), Conflict, "webhook is active")
        assert (await bot.get_webhook_info()).last_error_message.startswith("Connection failed")
        await application.start()
        await application.updater.start_webhook("127.0.0.1", port, "hook", webhook_url="https://bot.example/hook",
                                                secret_token="secret_1")
        assert [s["text"] for s in await fake.ask("sent?wait=10")] == ["echo: early"]
        assert await fake.ask(f"wait-confirmed?id={early['update_id']}&wait=5")
        await fake.ask("webhook", {"url": "https://bot.example/hook", "secret": "another"})
        before = len(await fake.ask("deliveries"))
        await fake.ask("message", {"chat_id": 42, "text": "with the wrong secret"})
        assert (await fake.ask(f"deliveries?after={before}&wait=5"))[0]["status"] == 403
        await bot.set_webhook("https://bot.example/hook", secret_token="secret_1")
        assert (await fake.ask("sent?after=1&wait=10"))[0]["text"] == "echo: with the wrong secret"
        info = await bot.get_webhook_info()
        assert info.url == "https://bot.example/hook" and info.pending_update_count == 0
        await application.updater.stop()
        await application.stop()
        assert await bot.delete_webhook() and await bot.get_updates(timeout=0) == ()


async def main():
    for check in (polling, unconfirmed, conflict, errors, in_doubt, chats, reactions, files, webhook):
        fake = Fake()
        try:
            await asyncio.wait_for(fake_run(check, fake), 60)
            print("ok:", check.__doc__)
        finally:
            fake.stop()


async def fake_run(check, fake):
    if check is not polling:
        await fake.ask("chat", {"id": 42, "type": "private", "first_name": "Ada"})
    await check(fake)


asyncio.run(main())
