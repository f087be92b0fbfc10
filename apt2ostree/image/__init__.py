"""Trees, manifests and composing images."""
