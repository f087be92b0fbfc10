"""Software bills of materials: what is in an image, for scanners and auditors."""
