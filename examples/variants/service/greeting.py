"""What the service says."""


def greeting(name: str) -> str:
    """Return a greeting for `name`."""
    return f"Hello, {name}!"
