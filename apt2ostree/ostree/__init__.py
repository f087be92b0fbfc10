"""OSTree objects and repositories, written without libostree."""
