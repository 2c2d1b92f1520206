#!/usr/bin/env python3
"""python-telegram-bot works against botapi_fake.py: only then is the fake good enough to test our worker against."""

import asyncio
import logging

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


async def main():
    for check in (polling, unconfirmed, conflict, errors, in_doubt):
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
