#!/usr/bin/env python3
"""Holds the gateway's descriptions of itself against their standards, and what it said against the descriptions.

    describe.py ASYNCAPI_SCHEMA < SAID

SAID is {"openapi":…, "asyncapi":…, "answers":[{"method","path","status","type","body"}], "messages":[{"channel","payload"}]};
a body that is no JSON is null. stdout: {"operations":[…], "messages":[…]}, what of the descriptions was seen. Exit
status 1 and a line for each fault on stderr where something does not fit.
"""

import json
import re
import sys

from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator


def faults_of(validator, what, instance):
    for fault in validator.iter_errors(instance):
        yield f"{what}: {fault.json_path}: {fault.message[:300]}"


def dangling(document, node, place="#"):
    """References that lead nowhere."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from dangling(document, item, f"{place}/{index}")
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            try:
                resolved(document, node)
            except (KeyError, TypeError):
                yield f"{place}: {node['$ref']} leads nowhere"
        for key, value in node.items():
            yield from dangling(document, value, f"{place}/{key}")


def resolved(document, node):
    while isinstance(node, dict) and "$ref" in node:
        target = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def validator(document, schema, version):
    """For a schema that refers to the document's own."""
    whole = {**schema, "components": {"schemas": document["components"]["schemas"]}}
    return version(whole, format_checker=FormatChecker())


def operation_of(openapi, answer):
    path = answer["path"].partition("?")[0]
    # The longest template first, so that names with variables come last.
    for template, item in sorted(openapi["paths"].items(), key=lambda pair: pair[0].count("{")):
        pattern = re.sub(r"\\{(\w+)\\}", lambda name: ".+" if name[1] == "repository" else "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and answer["method"].lower() in item:
            return template, item[answer["method"].lower()]
    return None, None


def faults_of_answer(openapi, answer, seen):
    what = f"{answer['method']} {answer['path']} {answer['status']}"
    _, operation = operation_of(openapi, answer)
    if operation is None:
        yield f"{what}: not described"
        return
    response = resolved(openapi, operation["responses"].get(str(answer["status"])))
    if response is None:
        yield f"{what}: this status is not described"
        return
    content = response.get("content", {})
    media_type = answer["type"].partition(";")[0]
    if media_type == "" and (answer["body"] is None or not content):
        seen.add(operation["operationId"])
        return
    if media_type not in content:
        yield f"{what}: {media_type} is not described"
        return
    if answer["body"] is not None:
        yield from faults_of(validator(openapi, content[media_type]["schema"], Draft202012Validator), what, answer["body"])
    if answer["status"] < 400:
        seen.add(operation["operationId"])


def faults_of_message(asyncapi, told, seen):
    """A message has to be exactly one of its channel's."""
    messages = asyncapi["channels"][told["channel"]]["messages"]
    fitting, faults = [], []
    for name, message in messages.items():
        schema = resolved(asyncapi, message)["payload"]
        found = list(faults_of(validator(asyncapi, schema, Draft7Validator), name, told["payload"]))
        faults += found[:1]
        if not found:
            fitting.append(name)
    if len(fitting) == 1:
        seen.add(f"{told['channel']}/{fitting[0]}")
    else:
        yield f"{told['channel']}: {json.dumps(told['payload'])[:200]} is {fitting or faults}"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        standard = json.load(file)
    said = json.load(sys.stdin)
    openapi, asyncapi = said["openapi"], said["asyncapi"]
    faults = [f"openapi: {fault.message[:300]}" for fault in OpenAPIV31SpecValidator(openapi).iter_errors()]
    faults += faults_of(Draft7Validator(standard), "asyncapi", asyncapi)
    for document in (openapi, asyncapi):
        faults += dangling(document, document)
    operations, messages = set(), set()
    for answer in said["answers"]:
        faults += faults_of_answer(openapi, answer, operations)
    for told in said["messages"]:
        faults += faults_of_message(asyncapi, told, messages)
    print(json.dumps({"operations": sorted(operations), "messages": sorted(messages)}))
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
