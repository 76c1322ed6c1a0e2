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
ACTORS = [PEOPLE["admin"], PEOPLE["restless"], *PEOPLE["teachers"], *PEOPLE["students"]]
LESSONS = {lesson["id"]: lesson for lesson in PEOPLE["lessons"]}
FIRST_START = datetime.datetime.fromisoformat(PEOPLE["first_start"].replace("Z", "+00:00"))

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])")
TAG = re.compile(r'"(0|[1-9]\d{0,17})"')
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d.*")

# Of those who are erased or promoted, the others would be missed.
RISKY = {"erase_me", "erase_user", "set_admin", "stop_teaching"}

# Filled when the document is read: operations, and whether they always do.
SPEAKS_FOR_A_PERSON = {}

# What requests made: ids by the path they were made with, and whose they are. Some are
# there from the beginning.
MADE = {f"/api/v1/{kind}": list(PEOPLE[kind]) for kind in ("groups", "series")}
OWNERS = dict(PEOPLE["owners"])

# The version of a resource that was last seen.
TAGS = {}

# What an id in a body is about.
KINDS = {
    "teacher_id": "teachers",
    "student_id": "students",
    "user_id": "people",
    "held_lesson_id": "lessons",
    "from_lesson_id": "lessons",
    "group_id": "groups",
    "series_id": "series",
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
        ("/series/", "series"),
        ("/groups/", "groups"),
    ):
        if part in path:
            return candidates(kind)
    # The same notifications, as the bot that polls sees them.
    return MADE.get(path.split("/{")[0].replace("/internal/", "/api/v1/"))


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Real ids, a lesson's own seat, and dates of the next weeks."""
    if not path_parameters:
        return path_parameters
    parameters = dict(path_parameters)
    if DATE.fullmatch(str(parameters.get("date"))):
        days = digest(parameters["date"]) % 40
        parameters["date"] = (FIRST_START + datetime.timedelta(days=days)).date().isoformat()
    if "token" in parameters and digest(parameters["token"]) % 4:
        parameters["token"] = PEOPLE["token"]
    if "student_id" in parameters:
        parameters["student_id"] = real_id(parameters["student_id"], PEOPLE["students"])
    if "id" not in parameters:
        return parameters
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
    """Real ids and times near the lessons; mostly bookings for oneself, without a hold."""
    body = replaced(body)
    if operation_id(context) != "book_lesson" or not isinstance(body, dict):
        return body
    for name in ("student_id", "held_lesson_id"):
        value = body.get(name)
        if isinstance(value, str) and UUID.fullmatch(value) and digest(value) % 4:
            del body[name]
    return body


def replaced(fields):
    """The fields of an object with real values in place of random ones."""
    if not isinstance(fields, dict):
        return fields
    fields = dict(fields)
    for name, value in fields.items():
        if name in ("series", "change"):
            fields[name] = replaced(value)
        if name in KINDS:
            fields[name] = real_id(value, candidates(KINDS[name]))
        elif name in ("from", "to") or name.endswith("_time"):
            fields[name] = real_instant(value)
    return fields


def actor(context, case):
    """Who asks: mostly somebody the request is about."""
    operation = operation_id(context)
    number = digest((case.method, case.path, case.path_parameters, case.query, case.body))
    other = ACTORS[number // 8 % len(ACTORS)]
    about = (case.path_parameters or {}).get("id")
    if about in OWNERS:
        return OWNERS[about]
    if number % 8 == 0:
        return other
    if operation in RISKY - {"set_admin"}:
        return PEOPLE["spare"][number // 8 % len(PEOPLE["spare"])]
    if operation in ("set_admin", "list_users"):
        return PEOPLE["admin"]
    lesson = LESSONS.get(about)
    if lesson:
        decides = operation in ("confirm_lesson", "decline_lesson", "record_attendance")
        return lesson["teacher" if decides or number // 8 % 2 else "student"]
    if operation in ("hold_slot", "book_lesson"):
        return PEOPLE["students"][number // 8 % len(PEOPLE["students"])]
    if "/me/availability" in case.path or "/me/teacher/" in case.path:
        return PEOPLE["restless"]
    return other


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Keeps to itself which operations speak for a person.

    To schemathesis every header of a security scheme is a secret that it may change and
    that must then be refused; an acting user is none: another one's id is as good.
    """
    for item in raw_schema["paths"].values():
        for operation in item.values():
            security = operation.get("security") if isinstance(operation, dict) else None
            speaks = ["acting_user" in alternative for alternative in security or []]
            if any(speaks):
                SPEAKS_FOR_A_PERSON[operation["operationId"]] = all(speaks)
                operation["security"] = [{"service_key": []}]


@schemathesis.hook
def before_call(context, case, kwargs):
    """Speaks for a person where the operation wants one, or now and then may have one;
    names, three times out of four, the version that the resource has."""
    must = SPEAKS_FOR_A_PERSON.get(operation_id(context))
    person = None if must is None else actor(context, case)
    headers = dict(case.headers or {})
    if person and (must or digest(person) % 2):
        headers["X-Acting-User"] = person
    version = str(headers.get("If-Match"))
    if TAG.fullmatch(version) and digest(version) % 4:
        headers["If-Match"] = TAGS.get(resource(case, person), '"1"')
    case.headers = headers


def resource(case, person):
    """What a path's versions are versions of."""
    about = (case.path_parameters or {}).get("id")
    for part, kind, whose in (
        ("/lessons/{id}", "lesson", about),
        ("/series/{id}", "series", about),
        ("/groups/{id}", "group", about),
        ("/teachers/{id}/availability", "availability", about),
        ("/me/availability", "availability", person),
        ("/teachers/{id}", "teacher", about),
        ("/me/teacher", "teacher", person),
        ("/me", "person", person),
    ):
        if part in case.path:
            return kind, whose
    return None


@schemathesis.hook
def after_call(context, case, response):
    """Remembers versions, and what was made by whom: to a stranger it is not there."""
    person = (case.headers or {}).get("X-Acting-User")
    for tag in response.headers.get("etag", []):
        TAGS[resource(case, person)] = tag
    if response.status_code == 412:
        TAGS[resource(case, person)] = f'"{response.json().get("current_version", 1)}"'
    if case.method.upper() != "POST" or response.status_code not in (201, 202):
        return
    collection, made = case.path, id_in(response.json())
    for location in response.headers.get("location", []):
        collection, _, made = location.rpartition("/")
    if made:
        MADE.setdefault(collection, []).append(made)
        OWNERS[made] = person


def id_in(answer):
    """The id of an answer, or of the thing that it wraps."""
    if not isinstance(answer, dict):
        return None
    wrapped = [value for value in answer.values() if isinstance(value, dict)]
    ids = [value.get("id") for value in [answer, *wrapped]]
    return next((made for made in ids if isinstance(made, str)), None)
