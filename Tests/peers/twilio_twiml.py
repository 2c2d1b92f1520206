"""TwiML as Twilio's voice servers read it, for the verbs that a conversation needs; stricter where Twilio only warns."""

import xml.etree.ElementTree
from dataclasses import dataclass, field

#: Attributes of each verb, from Twilio's reference.
KNOWN = {
    "Say": {"voice", "language", "loop"},
    "Pause": {"length"},
    "Play": {"loop", "digits"},
    "Gather": {"action", "finishOnKey", "hints", "input", "language", "maxSpeechTime", "method", "minConfidence", "numDigits",
               "partialResultCallback", "partialResultCallbackMethod", "profanityFilter", "speechTimeout", "timeout",
               "speechModel", "enhanced", "actionOnEmptyResult", "bargeIn", "debug", "dtmfDetection"},
    "Redirect": {"method"},
    "Hangup": set(),
    "Reject": {"reason"},
}
#: What Say takes at most.
TEXT_LIMIT = 4096


class Bad(Exception):
    """What Twilio answers with an application error; `code` is its number."""

    def __init__(self, code, words):
        super().__init__(f"{code}: {words}")
        self.code = code


@dataclass
class Verb:
    name: str
    attributes: dict
    text: str = ""
    nested: list = field(default_factory=list)


def parse(body, content_type):
    """The verbs of a document, in order."""
    kind = content_type.split(";")[0].strip().lower()
    if kind not in ("application/xml", "text/xml"):
        raise Bad(12300, f"invalid content type {kind!r}")
    try:
        root = xml.etree.ElementTree.fromstring(body)
    except xml.etree.ElementTree.ParseError as error:
        raise Bad(12100, f"document parse failure: {error}") from error
    if root.tag != "Response":
        raise Bad(12100, f"the document's element is {root.tag}")
    verbs = [verb(element, KNOWN) for element in root]
    if any(v.name == "Reject" for v in verbs[1:]):
        raise Bad(12200, "Reject has to come first")
    return verbs


def verb(element, allowed):
    name = element.tag
    if name not in allowed:
        raise Bad(12200, f"{name} is not understood here")
    for attribute in element.attrib:
        if attribute not in KNOWN[name]:
            raise Bad(12200, f"{name} has no attribute {attribute}")
    found = Verb(name, dict(element.attrib), element.text or "")
    if name == "Gather":
        found.nested = [verb(child, ("Say", "Pause", "Play")) for child in element]
    elif len(element):
        raise Bad(12200, f"nothing may stand in {name}")
    check(found)
    return found


def check(found):
    name, attributes = found.name, found.attributes
    if name == "Say":
        if not found.text.strip():
            raise Bad(13520, "Say without words")
        if len(found.text) > TEXT_LIMIT:
            raise Bad(13521, f"Say has {len(found.text)} characters")
    if name == "Pause" and not 1 <= number(attributes.get("length", "1")) <= 600:
        raise Bad(12200, "Pause: length")
    if name == "Reject" and attributes.get("reason", "rejected") not in ("rejected", "busy"):
        raise Bad(12200, "Reject: reason")
    if name == "Gather":
        if not set(attributes.get("input", "dtmf").split()) <= {"dtmf", "speech"}:
            raise Bad(12200, "Gather: input")
        if attributes.get("speechTimeout", "auto") != "auto":
            number(attributes["speechTimeout"])
        number(attributes.get("timeout", "5"))
        if attributes.get("actionOnEmptyResult", "false") not in ("true", "false"):
            raise Bad(12200, "Gather: actionOnEmptyResult")
    if attributes.get("method", "POST") not in ("POST", "GET"):
        raise Bad(12200, f"{name}: method")
    if name == "Redirect" and not found.text.strip():
        raise Bad(12200, "Redirect without an address")


def number(text):
    if not text.isdigit():
        raise Bad(12200, f"{text!r} is no number")
    return int(text)
