"""Protecting plain functions: each call is asked for before it runs, and its outcome is reported.

COUNTERSIGN_URL=http://127.0.0.1:8000 COUNTERSIGN_POINT=$CREDENTIAL python protect_a_function.py
"""

import os
import sys

from countersign_client import CountersignError, Denied, EnforcementPoint, Guard, Portal

ITEMS = {"4711": {"name": "Cable, 2 m", "notes": []}}

portal = Portal(os.environ["COUNTERSIGN_URL"])
point = EnforcementPoint(portal, credential=os.environ["COUNTERSIGN_POINT"])
guard = Guard(point, subject="agent/stock-agent")


@guard.protects("read_item", "item/{number}", writes=False, intent="Restock shelf 9.")
def read_item(number: str) -> str:
    return str(ITEMS[number]["name"])


@guard.protects("add_note", "item/{number}", writes=True, intent="Restock shelf 9.")
def add_note(number: str, text: str) -> None:
    ITEMS[number]["notes"] = [text]


def main() -> int:
    try:
        print("read:", read_item("4711"))
        add_note("4711", "Two are damaged.")
        print("written:", ITEMS["4711"]["notes"])
    except Denied as denied:
        print(f"denied ({denied.reason}): {denied}")
        return 1
    except CountersignError as error:
        print(f"nothing was done: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
