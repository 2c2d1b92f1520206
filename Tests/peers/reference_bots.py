#!/usr/bin/env python3
"""The operations of our channel workers, made by the libraries that bots are written with; for RequestTests.

    reference_bots.py telegram URL TOKEN | discord URL TOKEN

runs against a fake on URL: answers a private message as a reply, shows typing, sets the command menu, reacts, edits, sends
two files and buttons, answers a press, sends into a topic or thread. Prints "DONE" at its end.
"""

import asyncio
import io
import logging
import sys

logging.disable(logging.CRITICAL)


async def telegram_bot(url, token):
    import telegram
    from telegram.ext import ApplicationBuilder, CallbackQueryHandler, MessageHandler, filters
    done = asyncio.Event()
    application = ApplicationBuilder().token(token).base_url(url + "/bot").base_file_url(url + "/file/bot").build()

    async def heard(update, context):
        message, bot = update.message, context.bot
        await bot.send_chat_action(message.chat_id, "typing", message_thread_id=message.message_thread_id)
        await bot.set_message_reaction(message.chat_id, message.message_id, "👀")
        button = telegram.InlineKeyboardButton("Yes", callback_data="yes")
        await bot.send_message(
            message.chat_id, "<b>answer</b>", parse_mode="HTML", message_thread_id=message.message_thread_id,
            reply_parameters=telegram.ReplyParameters(message.message_id, allow_sending_without_reply=True),
            reply_markup=telegram.InlineKeyboardMarkup([[button]]))
        await bot.send_photo(message.chat_id, telegram.InputFile(b"\x89PNG", filename="a.png"), caption="look")
        await bot.send_document(message.chat_id, telegram.InputFile(b"text", filename="a.txt"))
        if message.message_thread_id:
            done.set()

    async def pressed(update, context):
        query = update.callback_query
        await query.answer()
        await query.edit_message_text("<i>edited</i>", parse_mode="HTML")
        done.set()
    application.add_handler(MessageHandler(filters.ALL, heard))
    application.add_handler(CallbackQueryHandler(pressed))
    async with application:
        await application.bot.set_my_commands([("status", "Shows how it is")])
        await application.start()
        await application.updater.start_polling(timeout=30, allowed_updates=["message", "callback_query", "message_reaction"])
        print("STARTED", flush=True)
        await done.wait()
        await application.updater.stop()
        await application.stop()


async def discord_bot(url, token):
    import discord
    import yarl
    from discord import app_commands
    from discord.gateway import DiscordWebSocket
    from discord.http import Route
    Route.BASE = url + "/api/v10"
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url.replace("http", "ws", 1))
    intents = discord.Intents(guilds=True, guild_messages=True, guild_reactions=True, dm_messages=True, dm_reactions=True,
                              message_content=True)
    bot, done = discord.Client(intents=intents), asyncio.Event()
    tree = app_commands.CommandTree(bot)

    @tree.command(name="status", description="Shows how it is")
    async def status(interaction: discord.Interaction):
        await interaction.response.defer()
        await interaction.edit_original_response(content="well")
        done.set()

    @bot.event
    async def on_ready():
        await tree.sync()
        print("STARTED", flush=True)

    @bot.event
    async def on_message(message):
        if message.author == bot.user:
            return
        await message.add_reaction("👀")
        async with message.channel.typing():
            reference = message.to_reference(fail_if_not_exists=False)
            sent = await message.channel.send("answer", reference=reference,
                                              allowed_mentions=discord.AllowedMentions(users=True, replied_user=True))
        await sent.edit(content="edited")
        await message.channel.send(files=[discord.File(io.BytesIO(b"\x89PNG"), "a.png")])
    work = asyncio.ensure_future(bot.start(token))
    await done.wait()
    await bot.close()
    await asyncio.gather(work, return_exceptions=True)


async def main():
    bot = {"telegram": telegram_bot, "discord": discord_bot}[sys.argv[1]]
    await bot(sys.argv[2], sys.argv[3])
    print("DONE", flush=True)


asyncio.run(main())
