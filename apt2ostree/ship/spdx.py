"""An inventory as an SPDX 2.3 document, in JSON."""

from __future__ import annotations

import json
import re
from typing import Any

from apt2ostree.debian.checksum import field_of
from apt2ostree.ship.inventory import Inventory, Item

_UNKNOWN = "NOASSERTION"
_IMAGE = "SPDXRef-Image"


def document(inventory: Inventory) -> str:
    """Return the document."""
    ids = {item.purl: _id(item) for item in inventory.items}
    relationships = [_relationship("SPDXRef-DOCUMENT", "DESCRIBES", _IMAGE)]
    for item in inventory.items:
        relationships.append(_relationship(_IMAGE, "CONTAINS", ids[item.purl]))
        relationships += [
            _relationship(ids[item.purl], "DEPENDS_ON", ids[needed]) for needed in item.needs
        ]
    data = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": inventory.label,
        "documentNamespace": f"https://spdx.org/spdxdocs/apt2ostree-{inventory.uuid}",
        "creationInfo": {"created": inventory.created, "creators": ["Tool: apt2ostree"]},
        "packages": [_image(inventory), *(_package(item) for item in inventory.items)],
        "hasExtractedLicensingInfos": _extracted(inventory),
        "relationships": relationships,
    }
    return json.dumps(data, indent=2) + "\n"


def _image(inventory: Inventory) -> dict[str, Any]:
    return {
        "SPDXID": _IMAGE,
        "name": inventory.label,
        "versionInfo": inventory.commit,
        "primaryPackagePurpose": "OPERATING-SYSTEM",
        "downloadLocation": _UNKNOWN,
        "filesAnalyzed": False,
        "licenseConcluded": _UNKNOWN,
        "licenseDeclared": _UNKNOWN,
        "copyrightText": _UNKNOWN,
    }


def _package(item: Item) -> dict[str, Any]:
    data: dict[str, Any] = {
        "SPDXID": _id(item),
        "name": item.name,
        "versionInfo": item.version,
        "downloadLocation": item.url or _UNKNOWN,
        "filesAnalyzed": False,
        "sourceInfo": f"built from source package {item.source[0]} {item.source[1]}",
        "licenseConcluded": _UNKNOWN,
        "licenseDeclared": item.licenses.expression or _UNKNOWN,
        "copyrightText": "\n".join(item.licenses.holders) or _UNKNOWN,
        "summary": item.summary,
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": item.purl,
            }
        ],
    }
    if re.match(r"https?://\S+$", item.homepage):
        data["homepage"] = item.homepage
    if item.checksum:
        algorithm = field_of(item.checksum)
        data["checksums"] = [{"algorithm": algorithm, "checksumValue": item.checksum}]
    maintainer = re.fullmatch(r"\s*(.+?)\s*<([^<>]+)>\s*", item.maintainer)
    if maintainer:
        # Parentheses enclose the address in SPDX.
        name = re.sub(r"[()]", "", maintainer[1]).strip('"')
        data["supplier"] = f"Organization: {name} ({maintainer[2]})"
    return data


def _extracted(inventory: Inventory) -> list[dict[str, str]]:
    """Licences that SPDX's list does not have, once each, with their text."""
    texts: dict[str, tuple[str, str]] = {}
    for item in inventory.items:
        for license_id, name in item.licenses.names.items():
            text = item.licenses.texts.get(license_id, "")
            if not texts.get(license_id, ("", ""))[1]:
                texts[license_id] = name, text
    return [
        {
            "licenseId": license_id,
            "name": name,
            "extractedText": text or f"The text is in the packages' copyright files, as {name!r}.",
        }
        for license_id, (name, text) in sorted(texts.items())
    ]


def _relationship(subject: str, kind: str, target: str) -> dict[str, str]:
    return {
        "spdxElementId": subject,
        "relationshipType": kind,
        "relatedSpdxElement": target,
    }


def _id(item: Item) -> str:
    name = re.sub(r"[^A-Za-z0-9.-]", lambda match: f"-{ord(match[0]):x}-", item.name)
    return f"SPDXRef-Package-{name}-{item.architecture}"
