"""The formats' own libraries as judges of bills of materials."""

from __future__ import annotations

import importlib
import importlib.util
import unittest
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from tests.support import judges


def library(case: unittest.TestCase, name: str, package: str) -> ModuleType:
    """Import a module, or skip the test.

    Args:
        case: the test.
        name: of the module.
        package: Debian's, that has it.
    """
    if importlib.util.find_spec(name.partition(".")[0]) is None:
        judges.skip_aloud(case, f"no {package} here")
    return importlib.import_module(name)


def check_spdx(case: unittest.TestCase, scratch: Path, text: str) -> None:
    """Assert that spdx-tools finds no fault with a document."""
    parser = library(case, "spdx_tools.spdx.parser.parse_anything", "python3-spdx-tools")
    validator = importlib.import_module("spdx_tools.spdx.validation.document_validator")
    path = scratch / "image.spdx.json"
    path.write_text(text, encoding="utf-8")
    faults = validator.validate_full_spdx_document(parser.parse_file(str(path)))
    case.assertEqual([fault.validation_message for fault in faults], [])


def check_cyclonedx(case: unittest.TestCase, text: str) -> None:
    """Assert that a document satisfies CycloneDX's own schema, strictly."""
    validation = library(case, "cyclonedx.validation.json", "python3-cyclonedx-lib")
    version = importlib.import_module("cyclonedx.schema").SchemaVersion.V1_5
    case.assertIsNone(validation.JsonStrictValidator(version).validate_str(text))


def check_package_urls(case: unittest.TestCase, urls: Iterable[str]) -> None:
    """Assert that packageurl reads package URLs and writes the same."""
    package_url = library(case, "packageurl", "python3-packageurl").PackageURL
    for url in urls:
        case.assertEqual(package_url.from_string(url).to_string(), url)
