"""Reading a lockfile: a Debian Packages index (deb822(5), Policy §5.1).

Pure functions of the file's text, so that they can be tested without a repository.
"""

_REQUIRED = ["Package", "Version", "Architecture", "Filename"]

# The fields that say what a file's bytes are, the first to be preferred, and their digits.
_CHECKSUMS = {"SHA256": 64, "SHA512": 128}

# A package's name is in lower case for apt and dpkg, however it is written.
_LOWER_CASE = ["Package"] + _CHECKSUMS.keys()

# What is asked for anywhere; names of fields are in any case.
_SPELLINGS = {
    name.lower(): name
    for name in _REQUIRED + _CHECKSUMS.keys() + [
        "APT-Sources",
        "Auto-Installed",
        "Depends",
        "Multi-Arch",
        "Pre-Depends",
        "Provides",
        "Snapshot",
    ]
}

# A name is part of the names of directories, in one of which Bazel reads these files.
_MAX_NAME = 128
_RESERVED_NAMES = ["build.bazel", "module.bazel", "repo.bazel", "workspace.bazel"]
_NAME_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-_"

def parse_lockfile(text, path, declared_architectures = []):
    """Parse a lockfile.

    Args:
        text: the file's content. Line ends may be LF or CRLF; an empty text is an empty lock.
        path: what to call the file in errors.
        declared_architectures: list of string: architectures that the lock may hold besides
            `all`, the native one first; empty: whatever the lock holds, if it is only one.

    Returns:
        A struct: `packages`, a list of structs `fields` (dict: field → value, continuation
        lines joined by newlines) and `line` (the number of the stanza's first line), in the
        file's order; `architectures`, the declared ones, or the one that the lock holds;
        `error`, a message, or None, in which case the others count.
    """
    stanzas, error = _parse_stanzas(text, path)
    error = error or _check(stanzas, path)
    architectures = declared_architectures
    if not error and not architectures:
        architectures = _architectures(stanzas)
        if len(architectures) > 1:
            error = ("{}: packages for several architectures ({}), and none is declared: add " +
                     "`architectures = [\"NATIVE\", \"FOREIGN\", …]` to this lock's " +
                     "apt.lock(), or make the lock for one").format(path, ", ".join(architectures))
    if not error:
        error = _check_architectures(stanzas, architectures, path)
    return struct(packages = stanzas, architectures = architectures, error = error)

def _parse_stanzas(text, path):
    """(list of struct(fields, line), error or None)."""
    stanzas = []
    fields = {}
    first = 0
    name = None

    # An empty line after the last one: the end of the last stanza. Locks have tens of thousands
    # of lines, so what is done for each is little.
    lines = text.replace("\r\n", "\n").split("\n") + [""]
    for number, line in enumerate(lines, 1):
        start = line[:1]
        if not start or not line.strip():
            if fields:
                values = {field: "\n".join(value) for field, value in fields.items()}
                for field in _LOWER_CASE:
                    if field in values:
                        values[field] = values[field].lower()
                stanzas.append(struct(fields = values, line = first))
                fields = {}
                name = None
        elif start in " \t":
            if name == None:
                return None, "{}:{}: a continuation line without a field before it: {}".format(
                    path,
                    number,
                    repr(line[:60]),
                )
            fields[name].append(line)
        elif start != "#":
            name, colon, value = line.partition(":")
            if not colon or not name or " " in name:
                return None, "{}:{}: expected 'Field: value', got {}".format(
                    path,
                    number,
                    repr(line[:60]),
                )
            name = _SPELLINGS.get(name.lower(), name)
            if name in fields:
                return None, "{}:{}: field {} is there twice in one stanza".format(path, number, name)
            if not fields:
                first = number
            fields[name] = [value.strip()]
    return stanzas, None

def _check(stanzas, path):
    """What is wrong with the stanzas, or None."""
    seen = {}
    for stanza in stanzas:
        fields = stanza.fields
        error = _check_stanza(fields)
        if not error:
            key = fields["Package"] + ":" + fields["Architecture"]
            if key in seen:
                error = "{} is already there, at line {} with version {}: a lock holds one version of a package; remove one of the two stanzas".format(fields["Architecture"], seen[key].line, seen[key].fields["Version"])
            seen[key] = stanza
        if error:
            return "{}:{}: package {}: {}".format(path, stanza.line, fields.get("Package", "(no name)"), error)
    return None

def _check_stanza(fields):
    """What is wrong with one stanza, or None."""
    for name in _REQUIRED:
        if not fields.get(name):
            return "no field {}: is this the Packages index of an archive? Write the lock anew with update_lock".format(name)
    for name in ("Package", "Architecture"):
        if fields[name].strip(_NAME_CHARACTERS) or fields[name][0] in ".-+_":
            return "{} {} has characters that Debian does not allow in it".format(name, repr(fields[name]))
    if len(fields["Package"]) > _MAX_NAME or fields["Package"] in _RESERVED_NAMES:
        return "a package cannot be called {} here: names have {} characters at most, and are none of Bazel's own files".format(repr(fields["Package"][:60]), _MAX_NAME)
    if not package_checksum(fields):
        return "no field SHA256, nor SHA512: is this the Packages index of an archive? Write the lock anew with update_lock"
    for name, digits in _CHECKSUMS.items():
        value = fields.get(name, "0" * digits)
        if len(value) != digits or value.strip("0123456789abcdef"):
            return "{} {} is not {} hexadecimal digits".format(name, repr(value), digits)
    filename = fields["Filename"]
    if filename.startswith("/") or ".." in filename.split("/") or "://" in filename:
        return "Filename {} is not a path inside the archive".format(repr(filename))
    return None

def package_checksum(fields):
    """What a package's file is known by.

    Args:
        fields: dict: the package's stanza.

    Returns:
        The SHA-256, else the SHA-512, in lower-case hexadecimal; None if it has neither.
    """
    for name in _CHECKSUMS:
        if fields.get(name):
            return fields[name]
    return None

def _architectures(stanzas):
    return sorted({
        stanza.fields["Architecture"]: None
        for stanza in stanzas
        if stanza.fields["Architecture"] != "all"
    })

def _check_architectures(stanzas, declared, path):
    for stanza in stanzas:
        architecture = stanza.fields["Architecture"]
        if architecture != "all" and architecture not in declared:
            return "{}:{}: package {} is for {}, and the lock is declared to be for {}: remove the stanza, or declare the architecture in apt.lock()".format(
                path,
                stanza.line,
                stanza.fields["Package"],
                architecture,
                ", ".join(declared),
            )
    return None
