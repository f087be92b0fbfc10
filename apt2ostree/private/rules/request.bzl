"""What an action is asked to do: one JSON object, which apt2ostree/request.py reads.

The object is written when the action runs: depsets are not flattened before.
"""

def request(ctx, values):
    """A request, as the only arguments of an action or as a file's content.

    Args:
        ctx: a rule's context.
        values: dict: key → value: what `json.encode` takes; a File, which becomes its path; a list
            or depset of these and of tuples with them; `mapped(…)`; a dict with such values; a
            list of such dicts or of `mapped(…)`.

    Returns:
        Args: JSON in a parameter file, which is how workers want their arguments.
    """
    args = ctx.actions.args()
    args.use_param_file("@%s", use_always = True)
    args.set_param_file_format("multiline")
    parts = {key: _parts(value) for key, value in values.items()}
    _add_fields(args, "", {key: value for key, value in values.items() if not parts[key]})
    for key, value in values.items():
        is_list = type(value) == "list"
        start = "," + json.encode(key) + ":" + ("[" if is_list else "")
        for part in parts[key]:
            if type(part) == "dict":
                _add_fields(args, start, part)
                args.add("}")
            else:
                _add(args, start + "[%s]", part)
            start = ","
        if is_list and parts[key]:
            args.add("]")
    args.add("}")
    return args

def mapped(values, function):
    """Values that a function makes JSON of.

    Args:
        values: list or depset.
        function: value → text, as `json.encode` returns it.

    Returns:
        A value of a request: a list.
    """
    return struct(values = values, function = function)

def _parts(value):
    """What has to be written field by field: a dict, or a list of dicts or of `mapped(…)`."""
    if type(value) == "dict":
        return [value]
    return value if type(value) == "list" and value and type(value[0]) in ("dict", "struct") else []

def _add_fields(args, start, values):
    """All of an object but its end. What is no depset goes into one of the Args' items."""
    lists = {
        key: value if type(value) == "struct" else mapped(value, _encode)
        for key, value in values.items()
        if type(value) in ("depset", "struct")
    }
    fields = [(key, value) for key, value in values.items() if key not in lists]
    _add(args, start + "{%s", mapped(fields, _field))
    start = "," if fields else ""
    for key, value in lists.items():
        _add(args, start + json.encode(key) + ":[%s]", value)
        start = ","

def _add(args, format, value):
    args.add_joined(
        value.values,
        allow_closure = True,
        expand_directories = False,
        format_joined = format,
        join_with = ",",
        map_each = value.function,
        omit_if_empty = False,
    )

def _field(field):
    key, value = field
    items = [_encode(item) for item in value] if type(value) == "list" else []
    return json.encode(key) + ":" + ("[%s]" % ",".join(items) if type(value) == "list" else _encode(value))

def _encode(value):
    if type(value) == "File":
        return json.encode(value.path)
    if type(value) == "tuple":
        return "[%s]" % ",".join([
            json.encode(item.path if type(item) == "File" else item)
            for item in value
        ])
    return json.encode(value)
