#!/usr/bin/env python3
"""The vendors' own libraries judge what our voice worker sent: its requests and its TwiML, as a fake kept them.

    voice_judge.py twilio FAKE ACCOUNT TOKEN
    voice_judge.py telnyx FAKE KEY CONNECTION

Every request of ours is made once more with the library, from our values by the library's own parameter names; what it sends must
be equal field by field. Every TwiML answer is parsed, built anew with VoiceResponse, verb by verb by the library's own parameter
names, and the two trees must be equal. Prints how many were compared and fails at the first difference, or if there was none.
"""

import asyncio
import base64
import collections
import inspect
import json
import re
import sys
import threading
import urllib.parse
import urllib.request
import xml.etree.ElementTree

from pydantic import TypeAdapter
from telnyx import Telnyx, types
from telnyx.types import calls
from twilio.rest import Client
from twilio.twiml.voice_response import Gather, VoiceResponse

import fake_http


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def taken(fake):
    """The requests that the fake did not refuse."""
    return [row for row in get(fake + "/control/rest") if row["status"] < 300]


class Mirror:
    """Takes what the library sends and keeps it; `reply` is what it gets for an answer."""

    def __init__(self, reply):
        self.reply, self.requests, self.ready = reply, [], threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True).start()
        self.ready.wait()

    async def serve(self):
        async def answer(request):
            self.requests.append(request)
            return 200, json.dumps(self.reply).encode()
        server = await asyncio.start_server(lambda r, w: fake_http.serve(answer, r, w), "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self.ready.set()
        await server.serve_forever()


def snake(name):
    """The library's name of a field: StatusCallbackEvent is status_callback_event, From is from_."""
    found = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return found + "_" if found in ("from", "from_") and not found.endswith("_") else found


# ---- Twilio

def twilio_requests(fake, account, token, compared):
    one = {"sid": "CA" + "0" * 32, "account_sid": account, "status": "active"}
    mirror = Mirror(one)
    library = Client(account, token)
    library.api.base_url = mirror.url
    base = f"/2010-04-01/Accounts/{account}"
    for row in taken(fake):
        form = collections.defaultdict(list)
        for name, value in row["form"]:
            form[snake(name)].append(value)
        fields = {k: v if k == "status_callback_event" else v[0] for k, v in form.items()}
        call = re.fullmatch(re.escape(base) + r"/Calls/([^/]+)\.json", row["path"])
        if row["path"] == base + "/Calls.json" and row["method"] == "POST":
            library.calls.create(**fields)
            name = "create"
        elif row["path"] == base + "/Calls.json":
            query = {"to": row["query"].get("To"), "from_": row["query"].get("From"), "status": row["query"].get("Status"),
                     "page_size": row["query"].get("PageSize"), "page_number": row["query"].get("Page")}
            times = {"StartTime>": "start_time_after", "StartTime<": "start_time_before", "StartTime": "start_time"}
            for ours, theirs in times.items():
                if ours in row["query"]:
                    query[theirs] = row["query"][ours]
            mirror.reply = {"calls": [], "page": 0, "page_size": 50}
            library.calls.page(**{k: v for k, v in query.items() if v is not None})
            mirror.reply = one
            name = "list"
        elif call and row["method"] == "POST":
            library.calls(call[1]).update(**fields)
            name = "update"
        elif call:
            library.calls(call[1]).fetch()
            name = "fetch"
        elif row["path"] == base + ".json":
            library.api.accounts(account).fetch()
            name = "account"
        else:
            raise AssertionError(f"the library has nothing like {row['method']} {row['path']}")
        theirs = mirror.requests[-1]
        assert (theirs.method, theirs.path, theirs.query) == (row["method"], row["path"], row["query"]), (theirs, row)
        sent = urllib.parse.parse_qsl(theirs.body.decode(), keep_blank_values=True)
        assert sorted(sent) == sorted(map(tuple, row["form"])), (sent, row["form"])
        assert theirs.headers["authorization"] == row["authorization"], "Basic authentication"
        if row["method"] == "POST":
            assert theirs.headers["content-type"].split(";")[0] == row["type"].split(";")[0], row["type"]
        compared[name] += 1
        for twiml in form.get("twiml", []):
            twiml_tree(twiml, compared)


def arguments(method, element):
    """An element's attributes under the library's parameter names; one that it does not have is an error."""
    known = inspect.signature(method).parameters
    found = {}
    for name, value in element.attrib.items():
        assert snake(name) in known, f"{element.tag}: the library knows no {name}"
        found[snake(name)] = value
    return found


def rebuild(parent, element):
    method = getattr(parent, element.tag.lower())
    if element.tag in ("Say", "Redirect"):
        return method(element.text or "", **arguments(method, element))
    return method(**arguments(method, element))


def tree(element):
    return element.tag, dict(element.attrib), element.text or "", [tree(child) for child in element]


def twiml_tree(text, compared):
    ours = xml.etree.ElementTree.fromstring(text)
    assert ours.tag == "Response" and not ours.attrib, text
    response = VoiceResponse()
    for element in ours:
        built = rebuild(response, element)
        assert isinstance(built, Gather) or not len(element), text
        for child in element:
            rebuild(built, child)
    theirs = xml.etree.ElementTree.fromstring(str(response))
    assert tree(theirs) == tree(ours), (str(response), text)
    compared["TwiML"] += 1


def twilio_answers(fake, compared):
    for row in get(fake + "/control/webhooks"):
        if row["status"] == 200 and row["kind"] in ("voice", "gather", "redirect", "fallback", "status"):
            assert row["type"].split(";")[0] in ("application/xml", "text/xml"), row
            twiml_tree(row["answer"], compared)


# ---- Telnyx

ACTIONS = {"transcription_start": "start_transcription", "transcription_stop": "stop_transcription"}
#: What the library says of each request's fields: their kinds, and which words are allowed.
PARAMS = {"dial": types.CallDialParams, "answer": calls.ActionAnswerParams, "reject": calls.ActionRejectParams,
          "hangup": calls.ActionHangupParams, "speak": calls.ActionSpeakParams,
          "transcription_start": calls.ActionStartTranscriptionParams,
          "transcription_stop": calls.ActionStopTranscriptionParams}


def telnyx_requests(fake, key, compared):
    mirror = Mirror({"data": {"call_control_id": "v3:x", "call_leg_id": "x", "call_session_id": "x", "is_alive": False,
                              "record_type": "call", "result": "ok"}})
    library = Telnyx(api_key=key, base_url=mirror.url + "/v2", max_retries=0)
    for row in taken(fake):
        body = {snake(k): v for k, v in row["body"].items()}
        found = re.fullmatch(r"/v2/calls(?:/([^/]+)(?:/actions/([a-z_]+))?)?", row["path"])
        assert found, f"the library has nothing like {row['path']}"
        name = found[2] or ("dial" if row["method"] == "POST" else "retrieve")
        if name in PARAMS:
            TypeAdapter(PARAMS[name]).validate_python(body)
        if found[2]:
            method = getattr(library.calls.actions, ACTIONS.get(found[2], found[2]))
            method(found[1], **body)
        elif row["method"] == "POST":
            library.calls.dial(**body)
        else:
            library.calls.retrieve_status(found[1])
        theirs = mirror.requests[-1]
        assert (theirs.method, theirs.path) == (row["method"], row["path"]), (theirs, row)
        assert theirs.params == row["body"], (theirs.params, row["body"])
        assert theirs.headers["authorization"] == row["authorization"]
        if row["method"] == "POST" and row["body"]:
            assert row["type"].split(";")[0] == "application/json", row["type"]
        state = row["body"].get("client_state")
        assert state is None or base64.b64decode(state, validate=True) is not None
        compared[name] += 1


def main():
    provider, fake, *secrets = sys.argv[1:]
    compared = collections.Counter()
    if provider == "twilio":
        twilio_requests(fake, *secrets, compared)
        twilio_answers(fake, compared)
    else:
        telnyx_requests(fake, secrets[0], compared)
    assert compared, "nothing was compared"
    print("same: " + ", ".join(f"{count} {name}" for name, count in sorted(compared.items())), flush=True)


if __name__ == "__main__":
    main()
