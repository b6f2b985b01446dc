"""An agent that calls the protected API: a token for each task, and a proof of its key with each call.

    COUNTERSIGN_URL=http://127.0.0.1:8000 COUNTERSIGN_CLIENT_ID=spiffe://… COUNTERSIGN_KEY=agent.pem \\
        python an_agent.py read|write
"""

import os
import sys

import httpx2

from countersign_client import CountersignError, Denied, Portal
from countersign_client.agent import Agent, Task
from countersign_client.keys import Key

API = os.environ.get("API_URL", "http://127.0.0.1:8100")
ITEM = f"{API}/items/4711"

portal = Portal(os.environ["COUNTERSIGN_URL"])
agent = Agent(
    portal, client_id=os.environ["COUNTERSIGN_CLIENT_ID"], key=Key.load(os.environ["COUNTERSIGN_KEY"])
)


def call(action: str, method: str, text: str = "") -> str:
    """One governed call: decided when the token is issued, checked again where it is used."""
    token = agent.token(Task(action=action, on="item/4711", at=API, intent="Restock shelf 9."))
    headers = agent.headers(token, method=method, url=ITEM)
    return httpx2.request(method, ITEM, headers=headers, content=text).text


def main(verb: str) -> int:
    try:
        print(call("add_note", "POST", "Two are damaged.") if verb == "write" else call("read_item", "GET"))
    except Denied as denied:
        print(f"denied ({denied.reason}): {denied}")
        return 1
    except CountersignError as error:
        print(f"nothing was done: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "read"))
