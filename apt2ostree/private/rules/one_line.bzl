"""Text that becomes a line of an action's parameter file."""

def check_one_line(attribute, texts):
    """Fail if one of them would become several.

    Args:
        attribute: string: name of the attribute they are from.
        texts: strings.
    """
    for text in texts:
        if "\n" in text or "\r" in text:
            fail("{}: {} has a line end in it".format(attribute, repr(text)))
