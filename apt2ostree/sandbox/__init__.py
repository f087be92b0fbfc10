"""A root with an image in it, in which programs run that nothing of the machine is for."""
