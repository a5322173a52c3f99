#!/usr/bin/env python3
"""Makes a client from a gateway's /openapi.json with openapi-python-client, and uses it.

    generated.py URL FOLDER NOTIFICATION

FOLDER is where the client goes; NOTIFICATION is a file with the body of a request of CNCF Distribution. stdout: what the
gateway said, as JSON. Exit status 1 where a part of the description can't be made into code.
"""

import importlib
import json
import subprocess
import sys
from datetime import datetime, timezone

import httpx

# A type that no generator knows; Prometheus does.
KNOWN = "application/openmetrics-text"


def generate(url, folder):
    description, config = f"{folder}/openapi.json", f"{folder}/config.yaml"
    with open(description, "w", encoding="utf-8") as file:
        file.write(httpx.get(f"{url}/openapi.json").text)
    with open(config, "w", encoding="utf-8") as file:
        file.write("post_hooks: []\npackage_name_override: tagcast_client\n")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", description, "--config", config]
    made = subprocess.run([*command, "--output-path", f"{folder}/client"], capture_output=True, text=True, check=True)
    faults = [fault for fault in made.stdout.split("WARNING")[1:] if KNOWN not in fault]
    if faults:
        sys.exit("\n".join(faults))
    sys.path.insert(0, f"{folder}/client")


def called(name):
    return importlib.import_module(f"tagcast_client.api.{name}")


def main():
    url, folder, notification = sys.argv[1:]
    generate(url, folder)
    client = importlib.import_module("tagcast_client").Client(base_url=url)
    models = importlib.import_module("tagcast_client.models")
    with open(notification, encoding="utf-8") as file:
        body = json.load(file)
    said = {"posted": called("sources.notify").sync(client=client, source="distribution", body=body).to_dict()}
    page = called("events.read_events").sync(client=client, limit=1, after="earliest")
    said["first"] = page.to_dict()
    page = called("events.read_events").sync(client=client, after=page.next_, filter_='type == "CreateImageTag"')
    said["second"] = page.to_dict()
    today = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    said["today"] = called("events.read_events").sync(client=client, after=today).to_dict()
    said["back"] = called("events.read_events").sync(client=client, before="now", limit=1).to_dict()
    said["registries"] = called("registries.list_registries").sync(client=client).to_dict()
    said["server"] = called("operations.read_server").sync(client=client).to_dict()
    check = models.FilterCheck(filter_=models.Shorthand.from_dict({"tag": {"startsWith": "v"}}))
    said["checked"] = called("filters.check_filter").sync(client=client, body=check).to_dict()
    trigger = models.WrittenTrigger.from_dict({"target": {"feed": "releases"}, "filter": "tag == \"v1\"", "batch": {"size": 5, "cutoff": "1s"}})
    said["trigger"] = called("triggers.put_trigger").sync(client=client, name="to-feed", body=trigger).to_dict()
    said["feeds"] = called("feeds.list_feeds").sync(client=client).to_dict()
    said["missing"] = called("triggers.read_trigger").sync(client=client, name="none").to_dict()
    print(json.dumps(said))


if __name__ == "__main__":
    main()
