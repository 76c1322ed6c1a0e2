"""Makes requests be about people and lessons that exist, part of the time.

schemathesis makes requests from the OpenAPI document alone: every id is a random one,
and nearly every answer a 404. Here some of the random ids become real ones, chosen by
the random value itself, so that a seed still makes the same requests. A value that the
document does not allow is left alone: it has to be refused.
"""

import datetime
import json
import os
import re
import zlib

import schemathesis

PEOPLE = json.loads(os.environ["OLM_PEOPLE"])
ACTORS = [PEOPLE["admin"], *PEOPLE["teachers"], *PEOPLE["students"]]
LESSONS = {lesson["id"]: lesson for lesson in PEOPLE["lessons"]}
FIRST_START = datetime.datetime.fromisoformat(PEOPLE["first_start"].replace("Z", "+00:00"))

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d.*")

# Of those who are erased or promoted, the others would be missed.
RISKY = {"erase_me", "erase_user", "set_admin", "stop_teaching"}

# Filled when the document is read.
SPEAKS_FOR_A_PERSON = set()

# What requests made: ids by the path they were made with, and whose they are.
MADE = {}
OWNERS = {}

# What an id in a body is about.
KINDS = {
    "teacher_id": "teachers",
    "student_id": "students",
    "user_id": "people",
    "held_lesson_id": "lessons",
}


def digest(value):
    """A number that is the same for the same value in every run."""
    return zlib.crc32(repr(value).encode())


def candidates(kind):
    """Ids of things of a kind."""
    if kind == "people":
        return ACTORS
    if kind == "lessons":
        return list(LESSONS)
    return PEOPLE[kind]


def real_id(value, known):
    """A random id, or three times out of four a known one in its place."""
    if not known or not isinstance(value, str) or not UUID.fullmatch(value):
        return value
    number = digest(value)
    return value if number % 4 == 0 else known[number // 4 % len(known)]


def real_instant(value):
    """A random instant, or every other time a full hour near the lessons there are."""
    if not isinstance(value, str) or not INSTANT.fullmatch(value):
        return value
    number = digest(value)
    if number % 2 == 0:
        return value
    start = FIRST_START + datetime.timedelta(hours=number // 2 % 400)
    return start.isoformat().replace("+00:00", "Z")


def operation_id(context):
    """Which operation a hook is called for."""
    operation = context.operation
    return operation.definition.raw.get("operationId") if operation else None


def known_for_path(context):
    """What the {id} of a path may be about."""
    path = context.operation.path
    if operation_id(context) in RISKY:
        return PEOPLE["spare"]
    for part, kind in (
        ("/lessons/", "lessons"),
        ("/teachers/", "teachers"),
        ("/students/", "students"),
        ("/users/", "people"),
    ):
        if part in path:
            return candidates(kind)
    return MADE.get(path.split("/{")[0])


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Real ids, and a lesson's own seat."""
    if not path_parameters or "id" not in path_parameters:
        return path_parameters
    parameters = dict(path_parameters)
    parameters["id"] = real_id(parameters["id"], known_for_path(context))
    lesson = LESSONS.get(parameters["id"])
    if lesson and UUID.fullmatch(str(parameters.get("booking_id"))):
        parameters["booking_id"] = lesson["booking"]
    return parameters


@schemathesis.hook
def map_query(context, query):
    """Real ids and times near the lessons."""
    return replaced(query)


@schemathesis.hook
def map_body(context, body):
    """Real ids and times near the lessons."""
    return replaced(body)


def replaced(fields):
    """The fields of an object with real values in place of random ones."""
    if not isinstance(fields, dict):
        return fields
    fields = dict(fields)
    for name, value in fields.items():
        if name in KINDS:
            fields[name] = real_id(value, candidates(KINDS[name]))
        elif name in ("from", "to") or name.endswith("_time"):
            fields[name] = real_instant(value)
    return fields


@schemathesis.hook
def map_headers(context, headers):
    """A version that a resource may well have."""
    if not headers:
        return headers
    headers = dict(headers)
    for name, value in headers.items():
        if name.lower() == "if-match" and re.fullmatch(r'"(0|[1-9]\d{0,17})"', str(value)):
            number = digest(value)
            if number % 4:
                headers[name] = f'"{number // 4 % 4}"'
    return headers


def actor(context, case):
    """Who asks: mostly somebody the request is about."""
    number = digest((case.method, case.path, case.path_parameters, case.query, case.body))
    if operation_id(context) in RISKY - {"set_admin"} and number % 8:
        return PEOPLE["spare"][number // 8 % len(PEOPLE["spare"])]
    about = (case.path_parameters or {}).get("id")
    if about in OWNERS:
        return OWNERS[about]
    lesson = LESSONS.get(about)
    if lesson and number % 4:
        return lesson["teacher"] if number // 4 % 2 else lesson["student"]
    if "/me/" in case.path and number % 4:
        return PEOPLE["teachers"][number // 4 % len(PEOPLE["teachers"])]
    return ACTORS[number // 4 % len(ACTORS)]


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Keeps to itself which operations speak for a person.

    To schemathesis every header of a security scheme is a secret that it may change and
    that must then be refused; an acting user is none: another one's id is as good.
    """
    for item in raw_schema["paths"].values():
        for operation in item.values():
            security = operation.get("security") if isinstance(operation, dict) else None
            if security and any("acting_user" in alternative for alternative in security):
                SPEAKS_FOR_A_PERSON.add(operation["operationId"])
                operation["security"] = [{"service_key": []}]


@schemathesis.hook
def before_call(context, case, kwargs):
    """Speaks for a person where the operation wants one."""
    if operation_id(context) in SPEAKS_FOR_A_PERSON:
        case.headers = {**(case.headers or {}), "X-Acting-User": actor(context, case)}


@schemathesis.hook
def after_call(context, case, response):
    """Remembers what was made, and by whom: to a stranger it is not there."""
    person = (case.headers or {}).get("X-Acting-User")
    if case.method.upper() != "POST" or response.status_code not in (201, 202):
        return
    made = response.json()
    if isinstance(made, dict) and isinstance(made.get("id"), str):
        MADE.setdefault(case.path, []).append(made["id"])
        if person:
            OWNERS[made["id"]] = person
