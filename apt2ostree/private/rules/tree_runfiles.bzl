"""A program and its runfiles as arguments of the tree tool."""

load(":label_text.bzl", "label_text")

def add_program(ctx, args, target, path):
    """Add a program, and beside it `PATH.runfiles`, where Bazel's programs look for theirs.

    Args:
        ctx: of the rule.
        args: Args: of the tree tool.
        target: Target: executable.
        path: string: where the program goes, or in a slash the directory.

    Returns:
        depset of File: the inputs.
    """
    default = target[DefaultInfo]
    executable = default.files_to_run.executable
    if not executable:
        fail("{} in `binaries` is not executable: put it into `files`, or name a *_binary target".format(label_text(target.label)))
    if path.endswith("/"):
        path += executable.basename
    args.add_all(["--executable", path, executable])
    runfiles = default.default_runfiles
    if not _has_more_than(runfiles, executable):
        return depset([executable])

    directory = path + ".runfiles/"
    workspace = ctx.workspace_name

    def _file(file):
        return ["--executable", directory + _runfiles_path(workspace, file), file.path]

    def _link(entry):
        return ["--executable", directory + workspace + "/" + entry.path, entry.target_file.path]

    def _root_link(entry):
        return ["--executable", directory + entry.path, entry.target_file.path]

    def _empty(name):
        return ["--empty-file", directory + (name[3:] if name.startswith("../") else workspace + "/" + name)]

    args.add_all(runfiles.files, map_each = _file, allow_closure = True, expand_directories = False)
    args.add_all(runfiles.symlinks, map_each = _link, allow_closure = True)
    args.add_all(runfiles.root_symlinks, map_each = _root_link, allow_closure = True)
    args.add_all(runfiles.empty_filenames, map_each = _empty, allow_closure = True)
    inputs = [executable]
    mapping = getattr(default.files_to_run, "repo_mapping_manifest", None)
    if mapping:
        args.add_all(["--file", directory + "_repo_mapping", mapping])
        inputs.append(mapping)
    links = [entry.target_file for entry in runfiles.symlinks.to_list() + runfiles.root_symlinks.to_list()]
    return depset(inputs + links, transitive = [runfiles.files])

def _has_more_than(runfiles, executable):
    """Whether there are runfiles besides the program itself."""
    return (
        [file for file in runfiles.files.to_list() if file != executable] or
        runfiles.symlinks or runfiles.root_symlinks
    )

def _runfiles_path(workspace, file):
    if file.short_path.startswith("../"):
        return file.short_path[len("../"):]
    return workspace + "/" + file.short_path
