"""An inventory as a CycloneDX 1.5 document, in JSON."""

from __future__ import annotations

import json
import re
from typing import Any

from apt2ostree.debian.checksum import field_of
from apt2ostree.ship.inventory import Inventory, Item


def document(inventory: Inventory) -> str:
    """Return the document."""
    image = {
        "type": "operating-system",
        "bom-ref": "image",
        "name": inventory.label,
        "version": inventory.commit,
    }
    distribution = {
        "type": "operating-system",
        "bom-ref": "distribution",
        "name": inventory.distribution,
        "version": inventory.release,
    }
    purls = [item.purl for item in inventory.items]
    data = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{inventory.uuid}",
        "version": 1,
        "metadata": {
            "timestamp": inventory.created,
            "tools": {"components": [{"type": "application", "name": "apt2ostree"}]},
            "component": image,
        },
        "components": [distribution, *(_component(item) for item in inventory.items)],
        "dependencies": [
            {"ref": "image", "dependsOn": ["distribution", *purls]},
            {"ref": "distribution"},
            *({"ref": item.purl, "dependsOn": list(item.needs)} for item in inventory.items),
        ],
    }
    return json.dumps(data, indent=2) + "\n"


def _component(item: Item) -> dict[str, Any]:
    data: dict[str, Any] = {
        "type": "library",
        "bom-ref": item.purl,
        "supplier": {"name": item.maintainer},
        "name": item.name,
        "version": item.version,
        "description": item.summary,
        "licenses": [_license(license_id, item) for license_id in item.licenses.ids],
        "purl": item.purl,
        "properties": [
            {"name": "apt2ostree:source", "value": item.source[0]},
            {"name": "apt2ostree:source-version", "value": item.source[1]},
        ],
    }
    if item.checksum:
        algorithm = field_of(item.checksum).replace("SHA", "SHA-")
        data["hashes"] = [{"alg": algorithm, "content": item.checksum}]
    references = [("distribution", item.url), ("website", item.homepage)]
    data["externalReferences"] = [
        {"type": kind, "url": url} for kind, url in references if re.match(r"https?://\S+$", url)
    ]
    return {key: value for key, value in data.items() if value}


def _license(license_id: str, item: Item) -> dict[str, Any]:
    if license_id.startswith("LicenseRef-"):
        return {"license": {"name": item.licenses.names[license_id]}}
    return {"license": {"id": license_id}}
