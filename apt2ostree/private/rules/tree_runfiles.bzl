"""A program and its runfiles as parts of a tree."""

load(":label_text.bzl", "label_text")
load(":request.bzl", "mapped")

def program_files(ctx, target, path):
    """A program, and beside it `PATH.runfiles`, where Bazel's programs look for theirs.

    Args:
        ctx: of the rule.
        target: Target: executable.
        path: string: where the program goes, or in a slash the directory.

    Returns:
        A struct: `executables`, `files`, `empty_files` and `generated`, to be added to those of the tree
        tool's request, and `inputs`, a depset of File.
    """
    default = target[DefaultInfo]
    executable = default.files_to_run.executable
    if not executable:
        fail("{} in `binaries` is not executable: put it into `files`, or name a *_binary target".format(label_text(target.label)))
    if path.endswith("/"):
        path += executable.basename
    program = mapped([executable], lambda file: json.encode([path, file.path]))
    runfiles = default.default_runfiles
    if not _has_more_than(runfiles, executable):
        return struct(
            empty_files = [],
            executables = [program],
            files = [],
            generated = [],
            inputs = depset([executable]),
        )

    directory = path + ".runfiles/"
    workspace = ctx.workspace_name

    def _file(file):
        if not file.is_source:
            return None
        return json.encode([directory + _runfiles_path(workspace, file), file.path])

    # Among these may be symlinks, as those of a virtual environment; Bazel 7 does not tell.
    def _generated(file):
        if file.is_source:
            return None
        return json.encode([directory + _runfiles_path(workspace, file), file.path])

    def _link(entry):
        return json.encode([directory + workspace + "/" + entry.path, entry.target_file.path])

    def _root_link(entry):
        return json.encode([directory + entry.path, entry.target_file.path])

    def _empty(name):
        return json.encode(directory + (name[3:] if name.startswith("../") else workspace + "/" + name))

    mapping = getattr(default.files_to_run, "repo_mapping_manifest", None)
    mappings = [mapping] if mapping else []
    links = [entry.target_file for entry in runfiles.symlinks.to_list() + runfiles.root_symlinks.to_list()]
    return struct(
        empty_files = [mapped(runfiles.empty_filenames, _empty)],
        executables = [
            program,
            mapped(runfiles.files, _file),
            mapped(runfiles.symlinks, _link),
            mapped(runfiles.root_symlinks, _root_link),
        ],
        files = [(directory + "_repo_mapping", file) for file in mappings],
        generated = [mapped(runfiles.files, _generated)],
        inputs = depset([executable] + mappings + links, transitive = [runfiles.files]),
    )

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
