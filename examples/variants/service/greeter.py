"""A service: says hello to whom its configuration names."""

import configparser

from greeting import greeting


def main() -> None:
    """Read the configuration and greet."""
    config = configparser.ConfigParser()
    config.read("/etc/greeter.conf")
    print(greeting(config.get("greeter", "name", fallback="world")))


if __name__ == "__main__":
    main()
