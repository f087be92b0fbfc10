"""Executables that run a tool with arguments: what is behind `bazel run` of a rule."""

_LAUNCHER = """\
#!/bin/sh
runfiles="$0.runfiles"
[ -d "$runfiles" ] || runfiles="$RUNFILES_DIR"
exec "$runfiles/{tool}" --runfiles "$runfiles" {arguments} "$@"
"""

def runfiles_path(ctx, file):
    """The path of a file in the tree of runfiles.

    Args:
        ctx: a rule's context.
        file: File.

    Returns:
        string, relative to the root of the runfiles: `_main/image/debian.sources`.
    """
    if file.short_path.startswith("../"):
        return file.short_path[len("../"):]
    return ctx.workspace_name + "/" + file.short_path

def write_launcher(ctx, tool, files):
    """Declare an executable that runs `tool --runfiles DIR OPTION FILE… ARGUMENT…`.

    Args:
        ctx: of an executable rule, whose name the executable gets.
        tool: Target: the program.
        files: list of (option, File): what it is told in addition to the user's arguments.

    Returns:
        (File: the executable, runfiles: what it needs).
    """
    launcher = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(launcher, is_executable = True, content = _LAUNCHER.format(
        tool = runfiles_path(ctx, tool[DefaultInfo].files_to_run.executable),
        arguments = " ".join([
            "{} \"$runfiles/{}\"".format(option, runfiles_path(ctx, file))
            for option, file in files
        ]),
    ))
    runfiles = ctx.runfiles(files = [file for _, file in files])
    return launcher, runfiles.merge(tool[DefaultInfo].default_runfiles)
