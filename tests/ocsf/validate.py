"""Checks OCSF objects, one JSON object a line on standard input.

    pip install -r tests/ocsf/requirements.txt
    pushback normalize --format ocsf FILE | python tests/ocsf/validate.py

Exit status: 0 if every line is sound, 1 if one is not (each is named with its line and field),
2 if there was nothing to check.

What is checked by whom: the package `py-ocsf-models` (0.10.0 follows OCSF 1.5.0) has the base event
and, of the classes that Pushback writes, Detection Finding (2004); those are parsed by its models,
and so are `metadata`, `observables` and every `location`. It has none of the Identity & Access
Management classes (3001 to 3005) nor Incident Finding (2005); their required attributes,
constraints and activities stand in the tables below, as in the 1.8.0 schema (schema.ocsf.io). Its
`user` model is not used: it demands `account`, `name` and `uid`, where the schema demands one of them.
"""

import copy
import ipaddress
import json
import re
import sys

from py_ocsf_models.events.base_event import BaseEvent
from py_ocsf_models.events.findings.detection_finding import DetectionFinding
from py_ocsf_models.objects.geolocation import GeoLocation
from py_ocsf_models.objects.observable import TypeID as KnownObservable
from pydantic import ValidationError

VERSION = "1.8.0"

# Class: name, activities (0 and 99 are everywhere), required attributes, and sets of which at least
# one must be there.
CLASSES = {
    2004: ("Detection Finding", {1, 2, 3}, ["finding_info"], []),
    2005: (
        "Incident Finding",
        {1, 2, 3},
        ["finding_info_list", "status_id"],
        [["assignee", "assignee_group"]],
    ),
    3001: ("Account Change", set(range(1, 13)), ["user"], []),
    3002: ("Authentication", set(range(1, 8)), ["user"], [["service", "dst_endpoint"]]),
    3003: ("Authorize Session", {1, 2, 3}, ["user"], [["privileges", "groups", "group", "iam_roles"]]),
    3004: ("Entity Management", set(range(1, 14)), ["entity"], []),
    3005: ("User Access Management", {1, 2, 3, 4}, ["user"], []),
}
REQUIRED = [
    "activity_id",
    "category_uid",
    "class_uid",
    "type_uid",
    "severity_id",
    "time",
    "metadata",
]
SEVERITIES = {0, 1, 2, 3, 4, 5, 6, 99}
EVENT_STATUSES = {0, 1, 2, 99}
FACTOR_TYPES = set(range(0, 12)) | {99}
ENTITY_TYPES = set(range(0, 8)) | {99}
STATUS_CODES_OF_PROMPTS = {
    "push_sent": (6, 0),
    "push_approved": (1, 1),
    "push_denied": (1, 2),
    "push_reported_fraud": (1, 2),
    "push_timeout": (1, 2),
    "push_wrong_number": (1, 2),
    "push_rate_limited": (1, 2),
}
ENDPOINT_NAMES = ["ip", "uid", "name", "hostname", "svc_name", "instance_uid"]
# Observables of 1.8.0 that the package does not know: country, user agent, credential.
NEWER_OBSERVABLES = {14, 16, 19}


class Problems:
    def __init__(self):
        self.found = []

    def say(self, field, words):
        self.found.append((field, words))

    def want(self, truth, field, words):
        if not truth:
            self.say(field, words)
        return truth


def is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def one_of(problems, value, names, field):
    there = isinstance(value, dict) and any(value.get(name) not in (None, "") for name in names)
    problems.want(there, field, f"needs one of {', '.join(names)}")


def check_head(problems, event):
    for name in REQUIRED:
        problems.want(name in event, name, "is required")
    for name in REQUIRED[:-1]:
        if name in event:
            problems.want(is_whole(event[name]), name, f"must be a whole number, not {event[name]!r}")
    class_uid, activity_id = event.get("class_uid"), event.get("activity_id")
    if class_uid not in CLASSES:
        problems.say("class_uid", f"{class_uid!r} is no class that Pushback writes")
        return
    name, activities, required, at_least_one = CLASSES[class_uid]
    problems.want(
        event.get("category_uid") == class_uid // 1000,
        "category_uid",
        f"{event.get('category_uid')!r} does not fit class {class_uid}",
    )
    problems.want(
        activity_id in activities | {0, 99}, "activity_id", f"{activity_id!r} is not in {name}"
    )
    if is_whole(activity_id):
        problems.want(
            event.get("type_uid") == class_uid * 100 + activity_id,
            "type_uid",
            f"must be {class_uid * 100 + activity_id}, is {event.get('type_uid')!r}",
        )
    if activity_id == 99:
        problems.want(event.get("activity_name"), "activity_name", "is required with activity 99")
    if "class_name" in event:
        problems.want(event["class_name"] == name, "class_name", f"must be {name!r}")
    for attribute in required:
        problems.want(event.get(attribute) not in (None, "", [], {}), attribute, "is required")
    for names in at_least_one:
        problems.want(
            any(event.get(attribute) for attribute in names),
            names[0],
            f"needs one of {', '.join(names)}",
        )
    problems.want(event.get("severity_id") in SEVERITIES, "severity_id", "is not in the schema")
    if class_uid // 1000 == 3 and "status_id" in event:
        problems.want(event["status_id"] in EVENT_STATUSES, "status_id", "is not in the schema")
    # Milliseconds; a time in seconds would lie in January 1970.
    time = event.get("time")
    if is_whole(time):
        problems.want(abs(time) < 10**14, "time", "is not in milliseconds")


def check_prompt(problems, event):
    code = event.get("status_code")
    if event.get("class_uid") == 3002 and code in STATUS_CODES_OF_PROMPTS:
        want = STATUS_CODES_OF_PROMPTS[code]
        have = (event.get("activity_id"), event.get("status_id"))
        problems.want(
            have == want, "status_code", f"{code} goes with activity, status {want}, not {have}"
        )


def check_objects(problems, event):
    metadata = event.get("metadata")
    if isinstance(metadata, dict):
        problems.want(
            metadata.get("version") == VERSION, "metadata.version", f"must be {VERSION}"
        )
        problems.want(isinstance(metadata.get("product"), dict), "metadata.product", "is required")
    for path in ("user", "actor.user"):
        value = event
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            one_of(problems, value, ["account", "name", "uid"], path)
    for number, factor in enumerate(event.get("auth_factors") or []):
        field = f"auth_factors[{number}]"
        problems.want(
            factor.get("factor_type_id") in FACTOR_TYPES, f"{field}.factor_type_id", "is not in the schema"
        )
        if "device" in factor:
            problems.want("type_id" in factor["device"], f"{field}.device.type_id", "is required")
            one_of(problems, factor["device"], ENDPOINT_NAMES, f"{field}.device")
    for end in ("src_endpoint", "dst_endpoint"):
        if end in event:
            one_of(problems, event[end], ENDPOINT_NAMES, end)
            ip = event[end].get("ip")
            if ip is not None:
                try:
                    ipaddress.ip_address(ip)
                except ValueError:
                    problems.say(f"{end}.ip", f"{ip!r} is no address")
    for field, place in places("", event):
        country = place.get("country")
        if country is not None:
            problems.want(
                re.fullmatch("[A-Z]{2}", str(country)), f"{field}.country", "must be two capitals"
            )
        try:
            GeoLocation.model_validate(place)
        except ValidationError as error:
            tell(problems, error, field)
    if event.get("class_uid") == 3004 and isinstance(event.get("entity"), dict):
        one_of(problems, event["entity"], ["name", "uid", "device", "user"], "entity")
        problems.want(event["entity"].get("type_id") in ENTITY_TYPES, "entity.type_id", "is not in the schema")


def places(field, value):
    if isinstance(value, dict):
        for name, member in value.items():
            path = f"{field}.{name}" if field else name
            if name == "location" and isinstance(member, dict):
                yield path, member
            yield from places(path, member)
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from places(f"{field}[{number}]", member)


def members(values, part):
    """What one step of an attribute's name leads to; `[]` leads to every element of a list."""
    for value in values:
        if isinstance(value, list):
            if part == "[]":
                yield from value
            elif part.isdigit() and int(part) < len(value):
                yield value[int(part)]
        elif isinstance(value, dict) and part in value:
            yield value[part]


def check_observables(problems, event):
    for number, observable in enumerate(event.get("observables") or []):
        field = f"observables[{number}]"
        known = {kind.value for kind in KnownObservable} | NEWER_OBSERVABLES
        problems.want(observable.get("type_id") in known, f"{field}.type_id", "is not in the schema")
        values = [event]
        for part in re.findall(r"\[\]|[^.\[\]]+", observable.get("name", "")):
            values = list(members(values, part))
        if "value" in observable:
            problems.want(observable["value"] in values, field, "does not say what stands at its name")


def tell(problems, error, prefix=""):
    for one in error.errors():
        path = ".".join(str(part) for part in one["loc"])
        problems.say(".".join(part for part in (prefix, path) if part), one["msg"])


def check_model(problems, event):
    # The package's own enumerations are those of 1.5.0.
    event = copy.deepcopy(event)
    for observable in event.get("observables") or []:
        if observable.get("type_id") in NEWER_OBSERVABLES:
            observable["type_id"] = 99
    model = DetectionFinding if event.get("class_uid") == 2004 else BaseEvent
    try:
        model.model_validate(event)
    except ValidationError as error:
        tell(problems, error)


def check(line):
    problems = Problems()
    try:
        event = json.loads(line)
    except ValueError as error:
        problems.say("", f"not JSON: {error}")
        return problems.found, None
    if not isinstance(event, dict):
        problems.say("", "not an object")
        return problems.found, None
    for step in (check_head, check_prompt, check_objects, check_observables, check_model):
        try:
            step(problems, event)
        except (AttributeError, TypeError, KeyError) as error:
            problems.say("", f"not of the schema's shape: {error}")
    return problems.found, event.get("class_uid")


def main():
    counts, bad = {}, 0
    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        found, class_uid = check(line)
        counts[class_uid] = counts.get(class_uid, 0) + 1
        for field, words in sorted(set(found)):
            bad += 1
            print(f"line {number}: {field or 'the line'}: {words}", file=sys.stderr)
    if not counts:
        print("nothing to check", file=sys.stderr)
        return 2
    for class_uid, count in sorted(counts.items(), key=lambda item: str(item[0])):
        name = CLASSES.get(class_uid, ("?",))[0]
        print(f"{count:8} {class_uid} {name}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
