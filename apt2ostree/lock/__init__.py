"""From what a user asks for to a lockfile: the resolver, and the lock itself."""
