"""How a target is called in what users read."""

def label_text(label):
    """`//image:rootfs`, or `@@module+//image:rootfs` of another module."""
    text = str(label)
    return text.lstrip("@") if not label.workspace_name else text
