"""Checksums as Bazel's downloads want them: W3C's Subresource Integrity."""

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_ALGORITHMS = {64: "sha256", 128: "sha512"}

def integrity(checksum):
    """The integrity of a file.

    Args:
        checksum: its SHA-256 or SHA-512, in hexadecimal.

    Returns:
        `sha256-` or `sha512-`, and the checksum in base64.
    """
    return "{}-{}".format(_ALGORITHMS[len(checksum)], _base64(checksum))

def _base64(text):
    """Bytes in hexadecimal, three to a group of four digits."""
    groups = []
    for start in range(0, len(text), 6):
        group = text[start:start + 6]
        number = int(group + "0" * (6 - len(group)), 16)
        digits = "".join([_DIGITS[number >> shift & 63] for shift in (18, 12, 6, 0)])
        kept = 1 + len(group) // 2
        groups.append(digits[:kept] + "=" * (4 - kept))
    return "".join(groups)
