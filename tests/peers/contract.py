"""What docs/openapi.yaml says an answer is, and whether one is that."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml
from openapi_schema_validator import OAS31Validator

from gateways import REPOSITORY
from wire import Answer

FILE = REPOSITORY / "docs" / "openapi.yaml"
METHODS = ("get", "put", "post", "delete")
VARIABLE = re.compile(r"\\\{(\w+)\\\}")

Operation = tuple[str, str]
"""A method and a path as the file has it."""


class Contract:
    def __init__(self) -> None:
        self.file: dict[str, Any] = yaml.safe_load(FILE.read_text())
        paths = self.file["paths"]
        self.operations: dict[Operation, dict[str, Any]] = {
            (method.upper(), path): item[method]
            for path, item in paths.items()
            for method in METHODS
            if method in item
        }
        # The one with the fewest variables is meant. Labels have slashes.
        ordered = sorted(paths, key=lambda path: path.count("{"))
        self._patterns = [(path, re.compile(_pattern(path))) for path in ordered]

    def path(self, target: str) -> str:
        """The path of the file that a target is about."""
        path = target.partition("?")[0]
        return next(template for template, pattern in self._patterns if pattern.fullmatch(path))

    def statuses(self, operation: Operation) -> set[int]:
        return {int(status) for status in self.operations[operation]["responses"]}

    def parameters(self, operation: Operation) -> list[str]:
        """Those in the query."""
        listed = map(self._resolved, self.operations[operation].get("parameters", []))
        return [parameter["name"] for parameter in listed if parameter["in"] == "query"]

    def check(self, method: str, target: str, answer: Answer) -> tuple[Operation, int]:
        """Fails where the answer is not one that the file knows."""
        operation = (method, self.path(target))
        told = f"{method} {target}: {answer}"
        responses = self.operations[operation]["responses"]
        assert str(answer.status) in responses, told
        response = self._resolved(responses[str(answer.status)])
        for name, header in response.get("headers", {}).items():
            assert name.lower() in answer.headers, f"{name}: {told}"
            self._validate(self._resolved(header)["schema"], _read(answer.headers[name.lower()]))
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        content = response.get("content", {})
        if not content:
            assert not media_type and not answer.body, told
            return operation, answer.status
        assert media_type in content, told
        schema = content[media_type].get("schema")
        if media_type == "application/json":
            self._validate(schema, json.loads(answer.body))
        if answer.status >= 400:
            assert answer.body and "x-request-id" in answer.headers, told
        return operation, answer.status

    def _resolved(self, item: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in item:
            at: Any = self.file
            for name in item["$ref"].removeprefix("#/").split("/"):
                at = at[name]
            item = at
        return item

    def _validate(self, schema: dict[str, Any], value: Any) -> None:
        whole = {**schema, "components": self.file["components"]}
        OAS31Validator(whole, format_checker=OAS31Validator.FORMAT_CHECKER).validate(value)


def _pattern(path: str) -> str:
    return VARIABLE.sub(lambda name: ".+" if name[1] == "labels" else "[^/]+", re.escape(path))


def _read(value: str) -> str | int:
    return int(value) if value.isdigit() else value
