"""Requests to a webhook that Twilio never sent: forged, spoofed, changed on the way, or sent a second time.

Every kind but `replay` must be refused; a replay may be answered, and must change nothing.
"""

import asyncio
import collections
import random
import urllib.parse

from fake_webhooks import Lost

SPEECH = "FORGED: transfer all the money"


def forms(hooks, random_):
    """A form as somebody outside would make it up."""
    return {"AccountSid": hooks.account, "ApiVersion": "2010-04-01", "CallSid": "CA%032x" % random_.getrandbits(128),
            "CallStatus": random_.choice(["ringing", "in-progress", "completed"]), "Direction": "inbound",
            "From": "+4915100000001", "To": "+15550001234", "SpeechResult": SPEECH, "Confidence": "0.99"}


def made(hooks, url, kind, random_):
    """url, method, headers, body of one request; None when there is nothing to make it from yet."""
    form = forms(hooks, random_)
    headers = hooks.headers(url, form)
    method, other = "POST", url
    if kind == "unsigned":
        headers.pop("X-Twilio-Signature")
    elif kind == "empty-signature":
        headers["X-Twilio-Signature"] = ""
    elif kind == "random-signature":
        headers["X-Twilio-Signature"] = "".join(random_.choices("ABCDEFabcdef0123456789+/=", k=random_.randint(1, 200)))
    elif kind == "other-token":
        headers["X-Twilio-Signature"] = type(hooks.validator)("f" * 32).compute_signature(url, form)
    elif kind == "other-address":
        wrong = url.replace("https:", "http:", 1) if url.startswith("https:") else url.replace("http:", "https:", 1)
        headers = hooks.headers(random_.choice([wrong, url + "/x", url + "?a=b", "https://evil.example/voice/webhook"]), form)
    elif kind == "spoofed-host":
        # Signed for a host of the forger's, whose token is known to nobody but us: the host must come from the configuration.
        evil = "https://evil.example" + (urllib.parse.urlsplit(url).path or "/")
        headers = hooks.headers(evil, form)
        headers |= {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Original-Host": "evil.example",
                    "Ngrok-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example;proto=https"}
    elif kind == "changed":
        form["SpeechResult"] += str(random_.random())
    elif kind == "added":
        form["Digits"] = "1"
    elif kind == "sha256":
        signature = hooks.validator.compute_signature(url, form, "HMAC_SHA256")
        headers |= {"X-Twilio-Signature": signature, "X-Twilio-Webhooks-Signature-Settings": "key=k1,algorithm=HMAC_SHA256"}
    elif kind == "large":
        form["SpeechResult"] = "x" * (80 << 10)
        headers = hooks.headers(url, form)
    elif kind == "get":
        return url, "GET", hooks.headers(url, {}, "GET"), b""
    elif kind == "elsewhere":
        other = url.partition("?")[0] + random_.choice(["/", "/x", "%2e", "/../webhook"])
        headers = hooks.headers(other, form)
    elif kind == "json":
        headers |= {"Content-Type": "application/json"}
        return url, method, headers, b'{"SpeechResult": "' + SPEECH.encode() + b'"}'
    elif kind == "no-utf8":
        return url, method, headers, random_.randbytes(random_.randint(0, 600))
    elif kind in ("replay", "old-signature"):
        rows = [r for r in hooks.rows.rows if r["kind"] in ("voice", "gather", "redirect", "status") and 200 <= r["status"] < 300]
        if not rows:
            return None
        row = random_.choice(rows)
        if kind == "replay":
            return row["url"], row["method"], row["headers"], row["body"].encode("latin-1")
        headers["X-Twilio-Signature"] = row["headers"]["X-Twilio-Signature"]
        other = row["url"]
    return other, method, headers, urllib.parse.urlencode(form).encode()


KINDS = ("unsigned", "empty-signature", "random-signature", "other-token", "other-address", "spoofed-host", "changed", "added",
         "sha256", "large", "get", "elsewhere", "json", "no-utf8", "replay", "old-signature")


async def run(hooks, url, count, seed):
    """{kind: {status: count}}; status 0 is a connection that was closed without an answer."""
    random_ = random.Random(seed)
    found = collections.defaultdict(collections.Counter)
    waiting = [(kind, made(hooks, url, kind, random_)) for kind in (KINDS[n % len(KINDS)] for n in range(count))]

    async def work():
        while waiting:
            kind, request = waiting.pop()
            if request is None:
                continue
            address, method, headers, body = request
            try:
                status, _, _ = await hooks.send(address, headers, body, "forged", method=method)
            except Lost:
                status = 0
            found[kind][status] += 1
    await asyncio.gather(*(work() for _ in range(4)))
    return found
