"""The wires of the model fake: Anthropic Messages, OpenAI chat completions and Responses, Google Gemini.

A dialect reads a request into an Ask, and writes an Answer whole or as a list of Parts. It also knows how its API says that
something is wrong (`failure`), before an answer and in the middle of one (`in_band`).
"""

import json
import re
from dataclasses import dataclass

from model_talk import Ask, Call, Picture, Refused, Turn, Usage, check, pieces, signature


@dataclass
class Part:
    """One event of a stream. kind: "start" (nothing of the answer yet), "content", "end" (why it ended, usage),
    "done" (a mark after everything). `usage`: what it reports."""
    kind: str
    data: bytes
    usage: Usage | None = None


def sse(value, name=None):
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value)}\n\n".encode()


def in_two(text):
    """Arguments come in fragments, cut anywhere."""
    return [text[: len(text) // 2], text[len(text) // 2:]]


class Anthropic:
    name = "anthropic"
    writes_cache = True
    stops = {"end": "end_turn", "tool": "tool_use", "length": "max_tokens", "refusal": "refusal"}

    def key(self, request):
        # The documentation names x-api-key; Anthropic's Python client 2.12 sends the same key as a bearer.
        return request.headers.get("x-api-key") or request.headers.get("authorization", "").removeprefix("Bearer ")

    def check_head(self, request):
        version = request.headers.get("anthropic-version")
        if version not in ("2023-06-01", "2026-10-21"):
            raise Refused("anthropic-version: header is required" if version is None else f"anthropic-version: {version}")
        if self.key(request).startswith("sk-ant-oat"):
            if "x-api-key" in request.headers or "oauth-2025-04-20" not in request.headers.get("anthropic-beta", ""):
                raise Refused("OAuth authentication is currently not supported.")

    def read(self, request):
        body = request.params
        if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
            raise Refused("max_tokens: Field required")
        if request.headers.get("anthropic-version") == "2026-10-21":
            for name in ("temperature", "top_p", "top_k"):
                if name in body:
                    raise Refused(f"{name}: not supported in this version of the API")
        thinking = body.get("thinking") or {}
        if thinking.get("type") == "enabled" and not 1024 <= thinking.get("budget_tokens", 0) < body["max_tokens"]:
            raise Refused("thinking.enabled.budget_tokens: must be at least 1024 and less than max_tokens")
        turns = [self.turn(message) for message in body.get("messages") or []]
        ask = Ask(body.get("model"), bool(body.get("stream")), turns, [tool["name"] for tool in body.get("tools") or []])
        check(ask)
        for turn in turns:
            # The signed thinking of a turn that called a tool must come back as it was.
            for call in turn.calls:
                number = call.id.removeprefix("toolu_")
                if turn.signature and number.isdigit() and turn.signature != signature(int(number)):
                    raise Refused("messages: Invalid `signature` in `thinking` block")
        return ask

    def turn(self, message):
        turn = Turn(message["role"])
        content = message["content"]
        for at, block in enumerate([{"type": "text", "text": content}] if isinstance(content, str) else content):
            if block["type"] == "text":
                turn.texts.append(block["text"])
            elif block["type"] == "image":
                source = block.get("source") or {}
                turn.pictures.append(Picture(source.get("media_type"), source.get("data", ""), at))
            elif block["type"] == "tool_use":
                turn.calls.append(Call(block["id"], block["name"], block["input"]))
            elif block["type"] == "tool_result":
                if len(turn.texts) + len(turn.pictures) > 0:
                    raise Refused("messages: tool_result blocks must come first")
                turn.results.append(block["tool_use_id"])
            elif block["type"] == "thinking":
                turn.signature = block["signature"]
            elif block["type"] != "redacted_thinking":
                raise Refused(f"messages: Input tag '{block['type']}' found")
        return turn

    def usage(self, usage):
        return {"input_tokens": usage.input, "output_tokens": usage.output, "cache_read_input_tokens": usage.cache_read,
                "cache_creation_input_tokens": usage.cache_write}

    def block(self, block):
        if block[0] == "thinking":
            return {"type": "thinking", "thinking": block[1], "signature": block[2]}
        if block[0] == "text":
            return {"type": "text", "text": block[1]}
        call = block[1]
        return {"type": "tool_use", "id": call.id.replace("call_", "toolu_"), "name": call.name, "input": call.arguments}

    def whole(self, answer):
        return {"id": f"msg_{answer.number}", "type": "message", "role": "assistant", "model": answer.model,
                "content": [self.block(b) for b in answer.blocks], "stop_reason": self.stops[answer.stop],
                "stop_sequence": None, "usage": self.usage(answer.usage)}

    def parts(self, answer):
        def event(value):
            return sse(value, value["type"])
        asked = Usage(answer.usage.input, 1, answer.usage.cache_read, answer.usage.cache_write)
        start = {**self.whole(answer), "content": [], "stop_reason": None, "usage": self.usage(asked)}
        yield Part("start", event({"type": "message_start", "message": start}), asked)
        yield Part("start", event({"type": "ping"}))
        for index, block in enumerate(answer.blocks):
            whole = self.block(block)
            empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}
            begin = {"type": "content_block_start", "index": index, "content_block": {**whole, **empty[whole["type"]]}}
            yield Part("content" if whole["type"] == "tool_use" else "start", event(begin))
            if block[0] == "text":
                deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block[1])]
            elif block[0] == "thinking":
                deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block[1])]
                deltas.append({"type": "signature_delta", "signature": block[2]})
            else:
                text = json.dumps(block[1].arguments) if block[1].arguments else ""
                deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in [""] + in_two(text)]
            for delta in deltas:
                yield Part("content", event({"type": "content_block_delta", "index": index, "delta": delta}))
            yield Part("content", event({"type": "content_block_stop", "index": index}))
        yield Part("end", event({"type": "message_delta", "delta": {"stop_reason": self.stops[answer.stop],
                                                                    "stop_sequence": None},
                                 "usage": {"output_tokens": answer.usage.output}}), answer.usage)
        yield Part("done", event({"type": "message_stop"}))

    def error(self, status, kind, message, code=None):
        details = {"details": {"error_code": code}} if code else {}
        return {"type": "error", "error": {"type": kind, "message": message, **details}, "request_id": "req_test"}

    def in_band(self, failure):
        value = self.error(**failure)
        return [sse(value, "error")]

    failures = {
        "invalid": (400, "invalid_request_error", None, "messages: Field required"),
        "rate": (429, "rate_limit_error", None, "This request would exceed your organization's rate limit"),
        "server": (500, "api_error", None, "Internal server error"),
        "unavailable": (503, "api_error", None, "Service unavailable"),
        "overloaded": (529, "overloaded_error", None, "Overloaded"),
        "quota": (400, "invalid_request_error", None, "Your credit balance is too low to access the Anthropic API. Please go "
                  "to Plans & Billing to upgrade or purchase credits."),
        "spend": (429, "rate_limit_error", "enforced_spend_limit_reached", "You have reached your organization's limit"),
        "own-limit": (400, "invalid_request_error", None, "You have reached your specified API usage limits. You will regain "
                      "access on 2027-01-01 at 00:00 UTC."),
        "auth": (401, "authentication_error", None, "invalid x-api-key"),
        "permission": (403, "permission_error", None, "Your API key does not have permission to use the specified resource"),
        "not-found": (404, "not_found_error", None, "model: claude-of-tomorrow"),
        "overflow": (400, "invalid_request_error", None, "prompt is too long: 250000 tokens > 200000 maximum"),
        "filter": (400, "invalid_request_error", None, "Output blocked by content filtering policy"),
    }


class ChatCompletions:
    name = "chat"
    writes_cache = False
    stops = {"end": "stop", "tool": "tool_calls", "length": "length", "refusal": "content_filter"}

    def key(self, request):
        return request.headers.get("authorization", "").removeprefix("Bearer ")

    def check_head(self, request):
        pass

    def read(self, request):
        body = request.params
        if "max_tokens" in body and "max_completion_tokens" in body:
            raise Refused("max_tokens and max_completion_tokens cannot both be set")
        if "max_tokens" in body and re.match(r"o[0-9]|gpt-5", body.get("model") or ""):
            raise Refused("Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                          "'max_completion_tokens' instead.")
        if body.get("stream_options") is not None and not body.get("stream"):
            raise Refused("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
        turns, results = [], None
        for message in body.get("messages") or []:
            role = message["role"]
            if role in ("system", "developer"):
                continue
            if role == "tool":
                # One message for each result; together they answer the calls before.
                if not results:
                    results = Turn("user")
                    turns.append(results)
                results.results.append(message["tool_call_id"])
                self.parts_of(message.get("content"), Turn("user"), text_only=True)
                continue
            results = None
            turn = Turn(role)
            self.parts_of(message.get("content"), turn)
            for call in message.get("tool_calls") or []:
                try:
                    arguments = json.loads(call["function"]["arguments"])
                except (TypeError, ValueError):
                    raise Refused("messages: tool_calls: arguments must be a string of JSON") from None
                turn.calls.append(Call(call["id"], call["function"]["name"], arguments))
            turns.append(turn)
        ask = Ask(body.get("model"), bool(body.get("stream")), turns,
                  [tool["function"]["name"] for tool in body.get("tools") or []])
        check(ask)
        return ask

    def parts_of(self, content, turn, text_only=False):
        for at, part in enumerate([{"type": "text", "text": content}] if isinstance(content, str) else content or []):
            if part["type"] == "text":
                turn.texts.append(part["text"])
            elif part["type"] == "image_url" and not text_only:
                head, _, data = part["image_url"]["url"].partition(",")
                match = re.fullmatch(r"data:([^;]+);base64", head)
                if match is None:
                    raise Refused("messages: image_url: Failed to download image")
                turn.pictures.append(Picture(match[1], data, at))
            else:
                raise Refused(f"messages: Invalid value: '{part['type']}'")

    def usage(self, usage):
        whole = usage.input + usage.cache_read
        return {"prompt_tokens": whole, "completion_tokens": usage.output, "total_tokens": whole + usage.output,
                "prompt_tokens_details": {"cached_tokens": usage.cache_read},
                "completion_tokens_details": {"reasoning_tokens": usage.reasoning}}

    def call(self, call):
        return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": json.dumps(call.arguments)}}

    def whole(self, answer):
        calls = [self.call(b[1]) for b in answer.blocks if b[0] == "tool"]
        message = {"role": "assistant", "content": "".join(b[1] for b in answer.blocks if b[0] == "text"), "refusal": None}
        if calls:
            message["tool_calls"] = calls
        for block in answer.blocks:
            if block[0] == "thinking":
                message["reasoning_content"] = block[1]
        return {"id": f"chatcmpl-{answer.number}", "object": "chat.completion", "created": 1, "model": answer.model,
                "choices": [{"index": 0, "message": message, "finish_reason": self.stops[answer.stop], "logprobs": None}],
                "usage": self.usage(answer.usage)}

    def parts(self, answer, with_usage=True):
        def chunk(delta, finish=None, **more):
            choices = [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]
            return sse({"id": f"chatcmpl-{answer.number}", "object": "chat.completion.chunk", "created": 1,
                        "model": answer.model, "choices": choices, **({"usage": None} if with_usage else {}), **more})
        yield Part("start", b": OPENROUTER PROCESSING\n\n")
        yield Part("start", chunk({"role": "assistant", "content": "", "refusal": None}))
        index = 0
        for block in answer.blocks:
            if block[0] == "thinking":
                for piece in pieces(block[1]):
                    yield Part("content", chunk({"reasoning_content": piece}))
            elif block[0] == "text":
                for piece in pieces(block[1]):
                    yield Part("content", chunk({"content": piece}))
            else:
                whole = self.call(block[1])
                text = whole["function"]["arguments"]
                head = {**whole, "index": index, "function": {"name": whole["function"]["name"], "arguments": ""}}
                yield Part("content", chunk({"tool_calls": [head]}))
                for piece in in_two(text):
                    yield Part("content", chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}))
                index += 1
        yield Part("end", chunk({}, self.stops[answer.stop]))
        if with_usage:
            yield Part("end", chunk({}, usage=self.usage(answer.usage)).replace(
                b'"choices": [{"index": 0, "delta": {}, "finish_reason": null, "logprobs": null}]', b'"choices": []'),
                answer.usage)
        yield Part("done", b"data: [DONE]\n\n")

    def error(self, status, kind, message, code=None):
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def in_band(self, failure):
        return [sse(self.error(**failure))]

    failures = {
        "invalid": (400, "invalid_request_error", None, "Invalid request"),
        "rate": (429, "requests", "rate_limit_exceeded", "Rate limit reached for requests"),
        "server": (500, "server_error", None, "The server had an error while processing your request"),
        "unavailable": (503, "server_error", None, "Service unavailable"),
        "overloaded": (503, "service_unavailable_error", "server_is_overloaded", "Our servers are currently overloaded."),
        "quota": (429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota, please check your plan "
                  "and billing details."),
        "spend": (429, "insufficient_quota", "project_spend_limit_exceeded", "This project has reached its spend limit"),
        "own-limit": (429, "insufficient_quota", "billing_hard_limit_reached", "Billing hard limit has been reached"),
        "auth": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided"),
        "permission": (403, "invalid_request_error", "insufficient_permissions", "You have insufficient permissions"),
        "not-found": (404, "invalid_request_error", "model_not_found", "The model does not exist"),
        "overflow": (400, "invalid_request_error", "context_length_exceeded", "This model's maximum context length is 128000 "
                     "tokens. However, your messages resulted in 250000 tokens."),
        "filter": (400, "invalid_request_error", "content_policy_violation", "Your request was rejected by the safety system."),
    }


class Responses:
    name = "responses"
    writes_cache = False

    def key(self, request):
        return request.headers.get("authorization", "").removeprefix("Bearer ")

    def check_head(self, request):
        pass

    def read(self, request):
        body = request.params
        if "messages" in body or "max_tokens" in body:
            raise Refused("Unsupported parameter: this is the Responses API")
        items = body.get("input")
        items = [{"role": "user", "content": items}] if isinstance(items, str) else items or []
        turns, sealed = [], None

        def turn(role):
            if not turns or turns[-1].role != role or (role == "user") != (not turns[-1].calls):
                turns.append(Turn(role))
            return turns[-1]
        for item in items:
            kind = item.get("type", "message")
            if kind == "message":
                if item["role"] in ("system", "developer"):
                    continue
                turns.append(Turn(item["role"]))
                self.content(item["content"], turns[-1])
            elif kind == "reasoning":
                sealed = item.get("encrypted_content")
                if item["id"].startswith("rs_") and sealed not in (None, signature(int(item["id"][3:]))):
                    raise Refused("input: Encrypted content could not be verified.")
                turn("assistant").signature = item["id"]
            elif kind == "function_call":
                try:
                    arguments = json.loads(item["arguments"])
                except (TypeError, ValueError):
                    raise Refused("input: arguments must be a string of JSON") from None
                turn("assistant").calls.append(Call(item["call_id"], item["name"], arguments))
            elif kind == "function_call_output":
                turn("user").results.append(item["call_id"])
            else:
                raise Refused(f"input: Invalid value: '{kind}'")
        tools = []
        for tool in body.get("tools") or []:
            if tool.get("type") != "function" or "function" in tool:
                raise Refused("tools: Missing required parameter: 'tools[0].name'.")
            tools.append(tool["name"])
        ask = Ask(body.get("model"), bool(body.get("stream")), turns, tools)
        check(ask)
        return ask

    def content(self, content, turn):
        text = "output_text" if turn.role == "assistant" else "input_text"
        for at, part in enumerate([{"type": text, "text": content}] if isinstance(content, str) else content):
            if part["type"] == text:
                turn.texts.append(part["text"])
            elif part["type"] == "input_image" and turn.role == "user":
                match = re.fullmatch(r"data:([^;]+);base64,(.*)", part["image_url"], re.DOTALL)
                if match is None:
                    raise Refused("input: Failed to download image")
                turn.pictures.append(Picture(match[1], match[2], at))
            else:
                raise Refused(f"input: Invalid value: '{part['type']}'")

    def usage(self, usage):
        whole = usage.input + usage.cache_read
        return {"input_tokens": whole, "input_tokens_details": {"cached_tokens": usage.cache_read},
                "output_tokens": usage.output, "output_tokens_details": {"reasoning_tokens": usage.reasoning},
                "total_tokens": whole + usage.output}

    def item(self, answer, block, status="completed"):
        if block[0] == "thinking":
            return {"type": "reasoning", "id": f"rs_{answer.number}", "status": status, "encrypted_content": block[2],
                    "summary": [{"type": "summary_text", "text": block[1]}]}
        if block[0] == "text":
            return {"type": "message", "id": f"msg_{answer.number}", "role": "assistant", "status": status,
                    "content": [{"type": "output_text", "text": block[1], "annotations": []}]}
        call = block[1]
        return {"type": "function_call", "id": call.id.replace("call_", "fc_"), "call_id": call.id, "name": call.name,
                "arguments": json.dumps(call.arguments), "status": status}

    def whole(self, answer, status="completed"):
        is_short = answer.stop in ("length", "refusal") and status == "completed"
        reason = {"length": "max_output_tokens", "refusal": "content_filter"}.get(answer.stop)
        done = status == "completed"
        return {"id": f"resp_{answer.number}", "object": "response", "created_at": 1, "model": answer.model,
                "status": "incomplete" if is_short else status, "error": None,
                "incomplete_details": {"reason": reason} if is_short else None, "instructions": None, "metadata": {},
                "output": [self.item(answer, b) for b in answer.blocks] if done else [], "parallel_tool_calls": True,
                "temperature": None, "tool_choice": "auto", "tools": [], "top_p": None, "max_output_tokens": None,
                "previous_response_id": None, "reasoning": {"effort": None, "summary": None}, "text": {}, "user": None,
                "truncation": "disabled", "usage": self.usage(answer.usage) if done else None}

    def parts(self, answer):
        sequence = -1

        def event(kind, name, /, usage=None, **more):
            nonlocal sequence
            sequence += 1
            return Part(kind, sse({"type": name, "sequence_number": sequence, **more}, name), usage)
        yield event("start", "response.created", response=self.whole(answer, "in_progress"))
        yield event("start", "response.in_progress", response=self.whole(answer, "in_progress"))
        for index, block in enumerate(answer.blocks):
            item = self.item(answer, block)
            begun = {**self.item(answer, block, "in_progress"), "encrypted_content": ""} if block[0] == "thinking" else \
                self.item(answer, block, "in_progress")
            begun |= {"text": {"content": []}, "thinking": {"summary": []}, "tool": {"arguments": ""}}[block[0]]
            at = {"output_index": index, "item_id": item["id"]}
            yield event("content" if block[0] == "tool" else "start", "response.output_item.added", output_index=index,
                        item=begun)
            if block[0] == "text":
                at["content_index"] = 0
                part = {"type": "output_text", "text": "", "annotations": []}
                yield event("start", "response.content_part.added", **at, part=part)
                for piece in pieces(block[1]):
                    yield event("content", "response.output_text.delta", **at, delta=piece, logprobs=[])
                yield event("content", "response.output_text.done", **at, text=block[1], logprobs=[])
                yield event("content", "response.content_part.done", **at, part={**part, "text": block[1]})
            elif block[0] == "thinking":
                at["summary_index"] = 0
                part = {"type": "summary_text", "text": ""}
                yield event("start", "response.reasoning_summary_part.added", **at, part=part)
                for piece in pieces(block[1]):
                    yield event("content", "response.reasoning_summary_text.delta", **at, delta=piece)
                yield event("content", "response.reasoning_summary_text.done", **at, text=block[1])
                yield event("content", "response.reasoning_summary_part.done", **at, part={**part, "text": block[1]})
            else:
                for piece in in_two(item["arguments"]):
                    yield event("content", "response.function_call_arguments.delta", **at, delta=piece)
                yield event("content", "response.function_call_arguments.done", **at, name=item["name"],
                            arguments=item["arguments"])
            yield event("content", "response.output_item.done", output_index=index, item=item)
        whole = self.whole(answer)
        yield event("done", f"response.{whole['status']}", usage=answer.usage, response=whole)

    error = ChatCompletions.error

    def in_band(self, failure):
        # Nested, as it was recorded; the client's model is flat. response.failed follows.
        error = self.error(**failure)["error"]
        response = {"id": "resp_0", "object": "response", "created_at": 1, "model": "gone", "status": "failed", "output": [],
                    "error": {"code": failure["code"] or "server_error", "message": failure["message"]}, "tools": [],
                    "parallel_tool_calls": True, "tool_choice": "auto", "usage": None}
        return [sse({"type": "error", "sequence_number": 90, "error": error}, "error"),
                sse({"type": "response.failed", "sequence_number": 91, "response": response}, "response.failed")]

    failures = {**ChatCompletions.failures,
                "filter": (400, "invalid_request_error", "invalid_prompt", "Your request was rejected by the safety system.")}


class Gemini:
    name = "gemini"
    writes_cache = False
    stops = {"end": "STOP", "tool": "STOP", "length": "MAX_TOKENS", "refusal": "SAFETY"}
    refused_schema = {"$ref", "$defs", "additionalProperties", "oneOf", "allOf", "$schema", "const"}

    def key(self, request):
        return request.headers.get("x-goog-api-key") or request.query.get("key", "")

    def check_head(self, request):
        pass

    def read(self, request):
        body = request.params
        match = re.search(r"/models/([^/:]+):(generateContent|streamGenerateContent)$", request.path)
        if "model" in body:
            raise Refused("Invalid JSON payload received. Unknown name \"model\"")
        turns = []
        for content in body.get("contents") or []:
            role = content.get("role", "user")
            if role not in ("user", "model"):
                raise Refused("Please use a valid role: user, model.")
            if turns and turns[-1].role == {"user": "user", "model": "assistant"}[role]:
                raise Refused("Please ensure that multiturn requests alternate between user and model.")
            turns.append(self.turn("user" if role == "user" else "assistant", content.get("parts") or []))
        tools = []
        for tool in body.get("tools") or []:
            for function in tool.get("functionDeclarations") or []:
                tools.append(function["name"])
                self.check_schema(function.get("parameters"))
        ask = Ask(match[1], match[2] == "streamGenerateContent", turns, tools)
        check(ask, names_calls=False)
        return ask

    def check_schema(self, schema):
        """`parameters` is a part of OpenAPI; `parametersJsonSchema` is all of JSON Schema."""
        if isinstance(schema, dict):
            for name, value in schema.items():
                if name in self.refused_schema:
                    raise Refused(f"Invalid JSON payload received. Unknown name \"{name}\" at 'tools[0].parameters'")
                if name == "properties":
                    for inner in value.values():
                        self.check_schema(inner)
                else:
                    self.check_schema(value)

    def turn(self, role, parts):
        turn = Turn(role)
        for at, part in enumerate(parts):
            if part.get("thought") or (part.get("thoughtSignature") and not part.get("text") and "functionCall" not in part):
                continue
            if "inlineData" in part:
                # Google reads names either way, and base64 with either alphabet.
                blob = part["inlineData"]
                data = blob["data"].replace("-", "+").replace("_", "/")
                turn.pictures.append(Picture(blob.get("mimeType") or blob["mime_type"], data, at))
            elif "functionCall" in part:
                call = part["functionCall"]
                # Google's own client writes base64 with the alphabet of URLs.
                signed = part.get("thoughtSignature", "").replace("-", "+").replace("_", "/")
                turn.calls.append(Call(call["name"], call["name"], call.get("args") or {}, signed))
            elif "functionResponse" in part:
                if not isinstance(part["functionResponse"].get("response"), dict):
                    raise Refused("functionResponse.response must be an object")
                turn.results.append(part["functionResponse"]["name"])
            elif "text" in part:
                turn.texts.append(part["text"])
            else:
                raise Refused("contents.parts: data must have one initialized field")
        return turn

    def check_signatures(self, ask, given):
        """`given`: the signatures that this server has put on calls. Its own calls must bear them when they come back."""
        for turn in ask.turns:
            for call in turn.calls:
                if "think" in ask.said and call.signature not in given:
                    raise Refused("Function call is missing a thought_signature in functionCall parts.")

    def usage(self, usage):
        whole = usage.input + usage.cache_read
        return {"promptTokenCount": whole, "cachedContentTokenCount": usage.cache_read,
                "candidatesTokenCount": usage.output - usage.reasoning, "thoughtsTokenCount": usage.reasoning,
                "totalTokenCount": whole + usage.output}

    def chunk(self, answer, parts, finish=None, usage=None):
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        more = {"usageMetadata": self.usage(usage)} if usage else {}
        return {"candidates": [candidate], **more, "modelVersion": answer.model, "responseId": f"r{answer.number}"}

    def parts_of(self, block):
        if block[0] == "thinking":
            return [{"text": block[1], "thought": True}]
        if block[0] == "text":
            return [{"text": block[1]}]
        call = {"functionCall": {"name": block[1].name, "args": block[1].arguments}}
        return [{**call, "thoughtSignature": block[1].signature} if block[1].signature else call]

    def whole(self, answer):
        parts = [part for block in answer.blocks for part in self.parts_of(block)]
        return self.chunk(answer, parts, self.stops[answer.stop], answer.usage)

    def parts(self, answer):
        # Counts come with every chunk and grow: the last holds.
        asked = Usage(answer.usage.input, 0, answer.usage.cache_read)
        for block in answer.blocks:
            if block[0] == "tool":
                yield Part("content", sse(self.chunk(answer, self.parts_of(block), usage=asked)), asked)
                continue
            for piece in pieces(block[1]):
                yield Part("content", sse(self.chunk(answer, self.parts_of((block[0], piece)), usage=asked)), asked)
        yield Part("end", sse(self.chunk(answer, [{"text": ""}], self.stops[answer.stop], answer.usage)), answer.usage)

    def error(self, status, kind, message, code=None):
        details = []
        if code:
            details.append({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code,
                            "domain": "googleapis.com"})
        return {"error": {"code": status, "message": message, "status": kind, "details": details}}

    def in_band(self, failure):
        return [sse(self.error(**failure))]

    failures = {
        "invalid": (400, "INVALID_ARGUMENT", None, "Invalid JSON payload received."),
        # The sentence of an empty wallet elsewhere; here it is a plain rate limit, and only the details say so.
        "rate": (429, "RESOURCE_EXHAUSTED", None, "You exceeded your current quota, please check your plan and billing "
                 "details."),
        "server": (500, "INTERNAL", None, "An internal error has occurred."),
        "unavailable": (503, "UNAVAILABLE", None, "The service is currently unavailable."),
        "overloaded": (503, "UNAVAILABLE", None, "The model is overloaded. Please try again later."),
        "quota": (402, "RESOURCE_EXHAUSTED", None, "Your prepayment credits are depleted."),
        "spend": (402, "RESOURCE_EXHAUSTED", None, "Your project has exceeded its monthly spending cap."),
        "own-limit": (402, "RESOURCE_EXHAUSTED", None, "Your project has exceeded its monthly spending cap."),
        "auth": (400, "INVALID_ARGUMENT", "API_KEY_INVALID", "API key not valid. Please pass a valid API key."),
        "permission": (403, "PERMISSION_DENIED", None, "The caller does not have permission"),
        "not-found": (404, "NOT_FOUND", None, "models/gemini-of-tomorrow is not found for API version v1beta"),
        "overflow": (400, "INVALID_ARGUMENT", None, "The input token count (1200000) exceeds the maximum number of tokens "
                     "allowed (1048576)."),
        "filter": (400, "INVALID_ARGUMENT", None, "The request was blocked: PROHIBITED_CONTENT"),
    }


ALL = {dialect.name: dialect for dialect in (Anthropic(), ChatCompletions(), Responses(), Gemini())}


def of_path(path):
    """The dialect of a request, whatever stands in front of its path."""
    if path.endswith("/v1/messages"):
        return ALL["anthropic"]
    if path.endswith("/chat/completions"):
        return ALL["chat"]
    if path.endswith("/responses"):
        return ALL["responses"]
    if re.search(r"/v1(beta)?/models/[^/:]+:(generateContent|streamGenerateContent)$", path):
        return ALL["gemini"]
    return None
