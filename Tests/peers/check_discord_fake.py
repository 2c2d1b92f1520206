#!/usr/bin/env python3
"""discord.py works against discord_fake.py: only then is the fake good enough to test our worker against."""

import asyncio
import contextlib
import io
import logging
import sys

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from discord_world import ADA, BOT, FORUM, GENERAL, GUILD
from fake_process import FakeProcess, fails

TOKEN = "ODAwMDAw.test.token"
logging.disable(logging.CRITICAL)


class Bot(discord.Client):
    """A bot that answers what it is told, and notes what it heard."""

    def __init__(self, intents=None, **options):
        if intents is None:
            intents = discord.Intents(guilds=True, guild_messages=True, guild_reactions=True, dm_messages=True,
                                      dm_reactions=True, message_content=True)
        super().__init__(intents=intents, **options)
        self.heard, self.came, self.answering = [], asyncio.Event(), True

    def note(self, *what):
        self.heard.append(what)
        self.came.set()

    async def on_ready(self):
        self.note("ready", self.user.name)

    async def on_resumed(self):
        self.note("resumed")

    async def on_message(self, message):
        if message.author == self.user:
            return
        self.note("message", message)
        if self.answering:
            await message.channel.send("echo: " + message.content, reference=message)

    async def on_raw_reaction_add(self, event):
        self.note("reaction", str(event.emoji), event.message_id, event.user_id)

    async def on_thread_create(self, thread):
        self.note("thread", thread)

    async def until(self, kind, count=1):
        """The last of `count` things of a kind."""
        async with asyncio.timeout(20):
            while True:
                found = [h for h in self.heard if h[0] == kind]
                if len(found) >= count:
                    return found[count - 1]
                self.came.clear()
                await self.came.wait()


class Fake(FakeProcess):
    def __init__(self, *arguments):
        super().__init__("discord_fake.py", "--token", TOKEN, *arguments)

    @contextlib.asynccontextmanager
    async def running(self, bot, token=TOKEN):
        """The bot connected to this fake, until the block ends."""
        Route.BASE = self.url + "/api/v10"
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(self.url.replace("http", "ws", 1))
        work = asyncio.ensure_future(bot.start(token))
        try:
            ready = asyncio.ensure_future(bot.until("ready"))
            await asyncio.wait({work, ready}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                ready.cancel()
                work.result()
            yield bot
        finally:
            await bot.close()
            await asyncio.gather(work, return_exceptions=True)

    async def sent(self, count):
        rows = []
        while len(rows) < count:
            more = await self.ask(f"sent?wait=10&after={len(rows)}")
            assert more, f"{len(rows)} of {count} were sent"
            rows += more
        return rows


async def messages(fake):
    """A bot identifies with zlib-stream, hears guild, mention, DM and thread messages, and answers with a nonce."""
    async with fake.running(Bot()) as bot:
        assert bot.user.id == int(BOT) and bot.get_channel(int(GENERAL)).name == "general"
        texts = ["hello", "grüß dich 👋", "x" * 1990]
        ids = []
        for text in texts:
            ids.append((await fake.ask("message", {"text": text}))["id"])
            # The library hears messages in their order and answers each in a task of its own.
            rows = await fake.sent(len(ids))
        assert [r["content"] for r in rows] == ["echo: " + t for t in texts]
        assert [r["reply_to"] for r in rows] == ids and all(r["nonce"] for r in rows), rows
        await fake.ask("message", {"text": "you there", "mention": True})
        assert bot.user in (await bot.until("message", 4))[1].mentions
        await fake.ask("message", {"text": "in private", "dm": True, "user": "bob"})
        direct = (await bot.until("message", 5))[1]
        assert isinstance(direct.channel, discord.DMChannel) and direct.author.name == "bob"
        thread = await fake.ask("thread", {"name": "a thread", "text": "in a thread"})
        assert (await bot.until("message", 6))[1].channel.id == int(thread["id"])
        post = await fake.ask("thread", {"name": "an idea", "channel": "ideas", "text": "first words"})
        heard = (await bot.until("message", 7))[1]
        assert heard.channel.parent_id == int(FORUM) and heard.id == int(post["id"])
        assert len(await fake.sent(7)) == 7
        frame = next(f["d"] for f in await fake.ask("frames") if f["op"] == 2)
        assert frame["intents"] == 46593, frame
        log = await fake.ask("log?what=connected")
        assert log[0]["compress"] == "zlib-stream", log
    closed = (await fake.ask("log?what=closed&wait=5"))[0]
    assert (closed["code"], closed["by"]) == (4000, "client"), "the library leaves its session alive"
    assert (await fake.ask("state"))["violations"] == []


async def nonces(fake):
    """The same nonce with enforce_nonce is the same message; without it another one."""
    async with fake.running(Bot()) as bot:
        channel = bot.get_channel(int(GENERAL))
        first = await channel.send("once", nonce="n-1")
        again = await channel.send("once", nonce="n-1")
        assert first.id == again.id and again.nonce == "n-1"
        assert len(await fake.ask("sent")) == 1 and len(await fake.ask("repeated")) == 1
        route = Route("POST", "/channels/{channel_id}/messages", channel_id=GENERAL)
        other = await bot.http.request(route, json={"content": "once", "nonce": "n-1"})
        assert int(other["id"]) != first.id
        await fails(bot.http.request(route, json={"content": "x", "nonce": "n" * 26}), discord.HTTPException, "25 or fewer")
        await fails(bot.http.request(route, json={"content": "x" * 2001}), discord.HTTPException, "2000 or fewer")
        await fails(bot.http.request(route, json={"content": " "}), discord.HTTPException, "empty message")
        await fails(bot.http.request(route, json={"content": 5}), discord.HTTPException, "string")
        lost = {"message_id": "1", "fail_if_not_exists": True}
        await fails(bot.http.request(route, json={"content": "x", "message_reference": lost}), discord.HTTPException,
                    "Unknown message")
        lost["fail_if_not_exists"] = False
        assert (await bot.http.request(route, json={"content": "x", "message_reference": lost}))["type"] == 0
        history = [m.content async for m in channel.history(limit=2)]
        assert history == ["x", "once"], history
        later = [m.id async for m in channel.history(after=first, limit=10)]
        assert later == sorted(later) and later[0] == int(other["id"])


async def limits(fake):
    """An empty bucket is waited for; a 429 of a bucket and a global one are waited out; 5xx are asked again."""
    async with fake.running(Bot()) as bot:
        channel = bot.get_channel(int(GENERAL))
        await fake.ask("limit", {"route": "POST /channels/{}/messages", "limit": 2, "seconds": 0.4})
        for number in range(5):
            await channel.send(f"n{number}")
        calls = await fake.ask("calls?route=POST%20/channels/%7B%7D/messages")
        assert [c["status"] for c in calls] == [200] * 5 and calls[4]["at"] - calls[0]["at"] > 0.7, calls
        await fake.ask("limit", {"route": "POST /channels/{}/messages", "limit": 1000, "seconds": 0.1})
        for everywhere in (False, True):
            await fake.ask("fault", {"path": "/channels/*/messages", "mode": "limited", "retry_after": 0.3,
                                     "everywhere": everywhere})
            await channel.send(f"after a 429, {everywhere}")
            calls = await fake.ask("calls?route=POST%20/channels/%7B%7D/messages")
            assert [c["status"] for c in calls[-2:]] == [429, 200] and calls[-1]["at"] - calls[-2]["at"] > 0.28, calls
        await fake.ask("fault", {"path": "/channels/*/messages", "mode": "error", "status": 502})
        await channel.send("after a 502")
        assert [c["status"] for c in (await fake.ask("calls"))[-2:]] == [502, 200]
        await fake.ask("fault", {"path": "/channels/*/messages", "mode": "close-after-accept"})
        with contextlib.suppress(Exception):
            await channel.send("lost and found", nonce="lost")
        await channel.send("lost and found", nonce="lost")
        assert len([s for s in await fake.ask("sent") if s["content"] == "lost and found"]) == 1
        await fake.ask("deny", {"id": GENERAL, "code": 50013})
        await fails(channel.send("x"), discord.Forbidden, "50013")


async def resume(fake):
    """Close 4000 and op 7 end in RESUME with a replay; a session that is gone in a new identify."""
    async with fake.running(Bot()) as bot:
        await fake.ask("message", {"text": "before"})
        await bot.until("message")
        await fake.ask("close", {"code": 4000, "missed": "missed"})
        assert (await bot.until("message", 2))[1].content == "missed"
        await bot.until("resumed")
        assert (await fake.ask("log?what=resumed&wait=10"))[0]["replayed"] >= 1
        await fake.ask("say", {"op": 7})
        await bot.until("resumed", 2)
        await fake.ask("say", {"op": 9, "d": True})
        await bot.until("resumed", 3)
        await fake.ask("expire", {})
        await fake.ask("close", {})
        await bot.until("ready", 2)
        assert (await fake.ask("log?what=resume-refused")), "the lost session was asked for first"
        await fake.ask("message", {"text": "after"})
        assert (await bot.until("message", 3))[1].content == "after"
        state = await fake.ask("state")
        assert state["identifies"] == 2 and state["violations"] == [], state


async def heartbeats(fake):
    """A beat in each interval; where acks stay out the client leaves with a code that allows a RESUME."""
    async with fake.running(Bot(heartbeat_timeout=1.0)) as bot:
        beats = 0
        while beats < 3:
            rows = await fake.ask(f"frames?after={beats}&wait=5")
            assert rows
            beats = len([f for f in await fake.ask("frames") if f["op"] == 1])
        await fake.ask("acks", {"on": False})
        closed = await fake.ask("log?what=closed&wait=15")
        assert closed and closed[0]["code"] not in (1000, 1001), closed
        await fake.ask("acks", {"on": True})
        await bot.until("resumed")
        await fake.ask("freeze", {"on": True})
        await asyncio.sleep(1.5)
        await fake.ask("freeze", {"on": False})
        await bot.until("resumed", 2)


async def refusals(fake):
    """A wrong token, intents that are not granted or do not exist, missing content."""
    await fails(enter(fake, Bot(), "wrong"), discord.LoginFailure, "improper token")
    await fake.ask("flags", {"flags": 0})
    await fails(enter(fake, Bot()), discord.PrivilegedIntentsRequired, "privileged intents")
    plain = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
    async with fake.running(Bot(intents=plain)) as bot:
        await fake.ask("message", {"text": "not for you"})
        assert (await bot.until("message"))[1].content == ""
        await fake.ask("message", {"text": "for you", "mention": True})
        assert "for you" in (await bot.until("message", 2))[1].content
        await fake.ask("message", {"text": "private", "dm": True})
        assert (await bot.until("message", 3))[1].content == "private"
    await fake.ask("identify", {"code": 4013})
    error = await fails(enter(fake, Bot(intents=plain)), discord.ConnectionClosed, "4013")
    assert error.code == 4013


async def enter(fake, bot, token=TOKEN):
    async with fake.running(bot, token):
        pass


async def files(fake):
    """Attachments go up as multipart and come down from the CDN; reactions, edits, typing, deletes."""
    async with fake.running(Bot()) as bot:
        bot.answering = False
        channel = bot.get_channel(int(GENERAL))
        data = bytes(range(256)) * 400
        sent = await channel.send("two files", files=[discord.File(io.BytesIO(data), "a b.bin", description="bytes"),
                                                      discord.File(io.BytesIO(b"text"), "note.txt")])
        assert [a.size for a in sent.attachments] == [len(data), 4]
        assert await sent.attachments[0].read() == data and await sent.attachments[1].read() == b"text"
        calls = await fake.ask("calls?route=POST%20/channels/%7B%7D/messages")
        assert [f["field"] for f in calls[0]["files"]] == ["files[0]", "files[1]"]
        await fake.ask("message", {"text": "for you", "attachments": [
            {"filename": "p.png", "content_type": "image/png", "data": "iVBORw0KGgo="}]})
        heard = (await bot.until("message"))[1].attachments[0]
        assert heard.content_type == "image/png" and (await heard.read()).startswith(b"\x89PNG")
        async with channel.typing():
            await sent.edit(content="three files")
        assert (await channel.fetch_message(sent.id)).content == "three files"
        await sent.add_reaction("👍")
        await fake.ask("react", {"message": str(sent.id), "emoji": "🎉"})
        assert ("reaction", "🎉", sent.id, int(ADA)) in [bot.heard[-1], await bot.until("reaction", 2)]
        await sent.remove_reaction("👍", bot.user)
        assert (await fake.ask("state"))["reactions"][str(sent.id)] == {"👍": [], "🎉": [ADA]}
        await sent.delete()
        await fails(channel.fetch_message(sent.id), discord.NotFound, "Unknown Message")
        large = discord.File(io.BytesIO(bytes((10 << 20) + 1)), "large.bin")
        await fails(channel.send(file=large), discord.HTTPException, "too large")
    state = await fake.ask("state")
    assert state["violations"] == [], state


async def interactions(fake):
    """Slash commands are registered, deferred, answered and followed up; autocomplete; buttons; once and in time."""
    bot = Bot()
    bot.answering = False
    tree = app_commands.CommandTree(bot)

    @tree.command(name="ask", description="Asks the bot")
    async def ask(interaction: discord.Interaction, question: str):
        await interaction.response.defer(ephemeral=True)
        await interaction.edit_original_response(content="answer to " + question)
        await interaction.followup.send("and more")
        await fails(interaction.response.send_message("again"), discord.InteractionResponded, "")

    @ask.autocomplete("question")
    async def complete(interaction: discord.Interaction, current: str):
        return [app_commands.Choice(name=current + end, value=current + end) for end in ("?", "!")]

    class Buttons(discord.ui.View):
        @discord.ui.button(label="Yes", custom_id="yes", style=discord.ButtonStyle.primary)
        async def yes(self, interaction, button):
            await interaction.response.edit_message(content="pressed", view=None)

    async with fake.running(bot):
        made = await tree.sync()
        assert [c.name for c in made] == ["ask"]
        await fake.ask("slash", {"command": "ask", "options": [{"name": "question", "type": 3, "value": "why"}]})
        rows = await fake.sent(2)
        assert [(r["content"], r["via"]) for r in rows] == [("answer to why", "original"), ("and more", "follow-up")], rows
        assert rows[0]["flags"] & 64
        await fake.ask("slash", {"command": "ask", "dm": True, "options": [{"name": "question", "type": 3, "value": "dm"}]})
        await fake.sent(4)
        done = await fake.ask("autocomplete", {"command": "ask", "option": "question", "value": "so"})
        while not (row := [r for r in await fake.ask("interactions") if r["interaction"]["id"] == done["id"]])[0]["answered"]:
            await fake.ask("calls?after=100000&wait=0.05")
        assert [c["name"] for c in row[0]["answer"]["choices"]] == ["so?", "so!"]
        message = await bot.get_channel(int(GENERAL)).send("sure?", view=Buttons())
        await fake.ask("press", {"message": str(message.id), "custom_id": "yes"})
        while (await fake.ask(f"message?channel={GENERAL}&id={message.id}"))["content"] != "pressed":
            await fake.ask("calls?after=100000&wait=0.05")
        route = Route("POST", "/interactions/{i}/{t}/callback", i=done["id"], t=done["token"])
        await fails(bot.http.request(route, json={"type": 8, "data": {"choices": []}}), discord.HTTPException, "40060")
    state = await fake.ask("state")
    assert state["violations"] == [], state


async def threads(fake):
    """A bot makes threads of messages and posts in forums, and opens a DM."""
    async with fake.running(Bot()) as bot:
        bot.answering = False
        first = await bot.get_channel(int(GENERAL)).send("start")
        thread = await first.create_thread(name="about it")
        assert thread.id == first.id
        await thread.send("inside")
        made = await bot.get_channel(int(FORUM)).create_thread(name="idea", content="what if")
        assert made.message.content == "what if"
        ada = await bot.fetch_user(int(ADA))
        await ada.send("hello Ada")
        rows = await fake.sent(4)
        assert [r["content"] for r in rows] == ["start", "inside", "what if", "hello Ada"] and rows[3]["guild_id"] is None
        members = await bot.get_guild(int(GUILD)).fetch_member(int(ADA))
        assert members.name == "ada"
        await fake.ask("deny", {"id": ADA, "code": 50007})
        await fails(ada.send("again"), discord.Forbidden, "50007")


CHECKS = (messages, nonces, limits, resume, heartbeats, refusals, files, interactions, threads)


async def one(check):
    fake = Fake(*(["--heartbeat", "400"] if check is heartbeats else []))
    try:
        await asyncio.wait_for(check(fake), 60)
        print("ok:", check.__doc__, flush=True)
    finally:
        fake.stop()


async def main():
    # Each in a process of its own, at the same time: most of them wait, and the library keeps its addresses in globals.
    if sys.argv[1:]:
        return await one(next(c for c in CHECKS if c.__name__ == sys.argv[1]))
    running = [await asyncio.create_subprocess_exec(sys.executable, __file__, check.__name__) for check in CHECKS]
    failed = [check.__name__ for check, process in zip(CHECKS, running) if await process.wait() != 0]
    if failed:
        sys.exit("failed: " + ", ".join(failed))


asyncio.run(main())
