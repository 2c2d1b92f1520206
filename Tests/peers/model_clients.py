"""The vendors' own clients, asked in one way: what each makes of an answer, whole or streamed. They never ask again themselves."""

import json
import os
from dataclasses import dataclass

# The clients read defaults from the environment; here only what is written below counts.
for name in [n for n in os.environ if n.startswith(("ANTHROPIC_", "OPENAI_", "GEMINI_", "GOOGLE_"))]:
    del os.environ[name]

import anthropic  # noqa: E402
import google.genai as genai  # noqa: E402
import openai  # noqa: E402
from google.genai import types  # noqa: E402

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}
DIALECTS = ("anthropic", "chat", "responses", "gemini")


class Incomplete(Exception):
    """The client took the answer as a good one although it has no end. Gemini's and chat completions' do not look."""


@dataclass
class Said:
    text: str
    #: (name, arguments as an object)
    calls: list
    #: (input with what came from a cache, output)
    usage: tuple
    thinking: str = ""
    #: What must be sent back in a tool loop, in the dialect's own form.
    turn: object = None


class Client:
    """One dialect at `root`, the address in front of the dialect's path (with /v1 where the client wants it)."""

    def __init__(self, dialect, root, key, timeout=5, version="v1beta"):
        self.dialect = dialect
        if dialect == "anthropic":
            self.sdk = anthropic.Anthropic(api_key=key, base_url=root, max_retries=0, timeout=timeout)
        elif dialect == "gemini":
            options = types.HttpOptions(base_url=root, api_version=version, timeout=int(timeout * 1000))
            self.sdk = genai.Client(api_key=key, http_options=options)
        else:
            self.sdk = openai.OpenAI(api_key=key, base_url=root + "/v1", max_retries=0, timeout=timeout)

    def ask(self, model, text, tool=None, stream=True, picture=None, after=None):
        """`tool`: the name of one that is offered; `after`: a Said with a call, whose result is "fine"."""
        return getattr(self, self.dialect)(model, text, tool, stream, picture, after)

    def anthropic(self, model, text, tool, stream, picture, after):
        content = [{"type": "text", "text": text}]
        if picture:
            content.insert(0, {"type": "image", "source": {"type": "base64", "media_type": picture[0], "data": picture[1]}})
        messages = [{"role": "user", "content": content}]
        if after:
            results = [{"type": "tool_result", "tool_use_id": b["id"], "content": "fine"} for b in after.turn
                       if b["type"] == "tool_use"]
            messages += [{"role": "assistant", "content": after.turn}, {"role": "user", "content": results}]
        ask = {"model": model, "max_tokens": 1000, "messages": messages}
        if tool:
            ask["tools"] = [{"name": tool, "description": "d", "input_schema": SCHEMA}]
        if stream:
            with self.sdk.messages.stream(**ask) as events:
                message = events.get_final_message()
        else:
            message = self.sdk.messages.create(**ask)
        if message.stop_reason is None:
            raise Incomplete(message)
        usage = message.usage
        whole = usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
        return Said("".join(b.text for b in message.content if b.type == "text"),
                    [(b.name, b.input) for b in message.content if b.type == "tool_use"], (whole, usage.output_tokens),
                    "".join(b.thinking for b in message.content if b.type == "thinking"),
                    [b.to_dict() for b in message.content])

    def chat(self, model, text, tool, stream, picture, after):
        content = text
        if picture:
            content = [{"type": "text", "text": text},
                       {"type": "image_url", "image_url": {"url": f"data:{picture[0]};base64,{picture[1]}"}}]
        messages = [{"role": "system", "content": "s"}, {"role": "user", "content": content}]
        if after:
            messages.append(after.turn)
            messages += [{"role": "tool", "tool_call_id": c["id"], "content": "fine"} for c in after.turn["tool_calls"]]
        ask = {"model": model, "messages": messages}
        if tool:
            ask["tools"] = [{"type": "function", "function": {"name": tool, "description": "d", "parameters": SCHEMA}}]
        if not stream:
            answer = self.sdk.chat.completions.create(**ask)
            message, usage, finish = answer.choices[0].message, answer.usage, answer.choices[0].finish_reason
            calls = [{"id": c.id, "type": "function", "function": c.function.to_dict()} for c in message.tool_calls or []]
            said, thinking = message.content or "", getattr(message, "reasoning_content", None) or ""
        else:
            said, thinking, calls, usage, finish = "", "", {}, None, None
            for chunk in self.sdk.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}):
                usage = chunk.usage or usage
                for choice in chunk.choices:
                    finish = choice.finish_reason or finish
                    said += choice.delta.content or ""
                    thinking += getattr(choice.delta, "reasoning_content", None) or ""
                    for part in choice.delta.tool_calls or []:
                        call = calls.setdefault(part.index, {"id": part.id, "type": "function",
                                                             "function": {"name": part.function.name, "arguments": ""}})
                        call["function"]["arguments"] += part.function.arguments or ""
            calls = list(calls.values())
        if finish is None:
            raise Incomplete(said)
        turn = {"role": "assistant", "content": said, "tool_calls": calls}
        return Said(said, [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in calls],
                    (usage.prompt_tokens, usage.completion_tokens), thinking, turn)

    def responses(self, model, text, tool, stream, picture, after):
        content = [{"type": "input_text", "text": text}]
        if picture:
            content.append({"type": "input_image", "detail": "auto", "image_url": f"data:{picture[0]};base64,{picture[1]}"})
        items = [{"role": "user", "content": content}]
        if after:
            items += after.turn
            items += [{"type": "function_call_output", "call_id": i["call_id"], "output": "fine"} for i in after.turn
                      if i["type"] == "function_call"]
        ask = {"model": model, "input": items, "store": False, "include": ["reasoning.encrypted_content"]}
        if tool:
            ask["tools"] = [{"type": "function", "name": tool, "description": "d", "parameters": SCHEMA, "strict": False}]
        if stream:
            answer, said = None, ""
            for event in self.sdk.responses.create(**ask, stream=True):
                if event.type == "response.output_text.delta":
                    said += event.delta
                elif event.type in ("response.completed", "response.incomplete"):
                    answer = event.response
                elif event.type == "response.failed":
                    raise openai.APIError(event.response.error.message, None, body=None)
            if answer is None:
                raise Incomplete(said)
            assert said == answer.output_text, (said, answer.output_text)
        else:
            answer = self.sdk.responses.create(**ask)
        calls = [(i.name, json.loads(i.arguments)) for i in answer.output if i.type == "function_call"]
        thinking = "".join(s.text for i in answer.output if i.type == "reasoning" for s in i.summary)
        return Said(answer.output_text, calls, (answer.usage.input_tokens, answer.usage.output_tokens), thinking,
                    [i.to_dict() for i in answer.output])

    def gemini(self, model, text, tool, stream, picture, after):
        parts = [types.Part(text=text)]
        if picture:
            parts.append(types.Part(inline_data=types.Blob(mime_type=picture[0], data=picture[1])))
        contents = [types.Content(role="user", parts=parts)]
        if after:
            contents.append(types.Content(role="model", parts=after.turn))
            contents.append(types.Content(role="user", parts=[
                types.Part(function_response=types.FunctionResponse(name=p.function_call.name, response={"output": "fine"}))
                for p in after.turn if p.function_call]))
        config = types.GenerateContentConfig(system_instruction="s")
        if tool:
            function = types.FunctionDeclaration(name=tool, description="d", parameters_json_schema=SCHEMA)
            config.tools = [types.Tool(function_declarations=[function])]
        if stream:
            chunks = list(self.sdk.models.generate_content_stream(model=model, contents=contents, config=config))
        else:
            chunks = [self.sdk.models.generate_content(model=model, contents=contents, config=config)]
        found = [p for c in chunks for k in c.candidates or [] for p in (k.content.parts or [] if k.content else [])]
        if not any(k.finish_reason for c in chunks for k in c.candidates or []):
            raise Incomplete(chunks)
        usage = chunks[-1].usage_metadata
        output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        return Said("".join(p.text or "" for p in found if not p.thought),
                    [(p.function_call.name, p.function_call.args or {}) for p in found if p.function_call],
                    (usage.prompt_token_count, output), "".join(p.text or "" for p in found if p.thought),
                    [p for p in found if not p.thought and (p.text or p.function_call)])
