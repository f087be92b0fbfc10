"""A file tree of OSTree objects, and what becomes one: a .deb, files of a workspace."""
