"""Writes zones.tsv: every IANA time zone by its city, as Unicode's CLDR names it.

    npm pack cldr-bcp47@48.2.0 && npm pack cldr-dates-full@48.2.0
    for file in cldr-*.tgz; do tar xzf "$file" && mv package "${file%-48*}"; done
    python3 zones.py cldr-bcp47 cldr-dates-full > zones.tsv

The tests of this crate refuse a table that lacks a zone. CLDR is under the Unicode License v3.
"""

import json
import pathlib
import sys


# What CLDR names too long for half the width of a phone.
SHORT = {("ru", "Asia/Kamchatka"): "Камчатка"}


def cities(dates, language):
    path = dates / "main" / language / "timeZoneNames.json"
    names = json.loads(path.read_text())["main"][language]["dates"]["timeZoneNames"]["zone"]

    def city(zone):
        """In English CLDR writes only the names that differ from the zone's own."""
        if (language, zone) in SHORT:
            return SHORT[language, zone]
        found = names
        for part in zone.split("/"):
            found = found.get(part, {})
        return found.get("exemplarCity") or zone.rsplit("/", 1)[-1].replace("_", " ")

    return city


def main(bcp47, dates):
    keys = json.loads((bcp47 / "bcp47" / "timezone.json").read_text())["keyword"]["u"]["tz"]
    zones = {key: dict(value) for key, value in keys.items() if isinstance(value, dict)}
    for zone in list(zones.values()):
        if "_preferred" in zone and zone["_preferred"] in zones:
            zones[zone["_preferred"]]["_alias"] += " " + zone.get("_alias", "")
    russian, english = cities(dates, "ru"), cities(dates, "en")
    rows = []
    for zone in zones.values():
        aliases = zone.get("_alias", "").split()
        if "_preferred" in zone or not aliases or aliases[0].startswith("Etc/"):
            continue
        first = aliases[0]
        name = zone.get("_iana", first)
        others = sorted(set(aliases) - {name})
        rows.append("\t".join([name, russian(first), english(first), " ".join(others)]))
    print("# IANA name, Russian, English, other names; written by zones.py from CLDR 48.2.")
    print("\n".join(sorted(rows)))


main(*(pathlib.Path(path) for path in sys.argv[1:]))
