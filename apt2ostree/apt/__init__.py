"""Archives, indexes and the resolver: from wanted packages to a lockfile."""
