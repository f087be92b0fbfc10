"""Executables that run a tool with arguments: what is behind `bazel run` of a rule."""

load(":label_text.bzl", "label_text")

# Where the runfiles are, as Bazel's runfiles libraries find them: beside the program, around it where
# it is another program's data, both also for what a symlink leads to; or where the caller says. What
# there is without them (--noenable_runfiles) is their manifest.
_LAUNCHER = """#!/bin/sh
tool='{tool}'
runfiles= manifest=

look() {{
    [ -n "$runfiles" ] || ! [ -e "$1/$tool" ] || runfiles=$1
}}

look_for_manifest() {{
    [ -n "$runfiles$manifest" ] || ! grep -qsF "$tool " "$1" || manifest=$1
}}

# A tree of runfiles, as their manifest describes it.
lay_out() {{
    while IFS= read -r line; do
        case $line in
            ' '*) line=$(printf %s "${{line# }}" | sed 's/ /\\n/; s/\\\\s/ /g; s/\\\\b/\\\\/g')
                path=${{line%%
*}} target=${{line#*
}} ;;
            *) path=${{line%% *}} target=${{line#* }} ;;
        esac
        path=$runfiles/$path
        [ -d "${{path%/*}}" ] || mkdir -p "${{path%/*}}"
        if [ -n "$target" ]; then ln -s "$target" "$path"; else : > "$path"; fi
    done < "$manifest"
}}

case $0 in
    */*) program=$0 ;;
    *) program=$(command -v -- "$0") ;;
esac
while [ -z "$runfiles" ]; do
    look "$program.runfiles"
    case $program in *.runfiles/*) look "${{program%.runfiles/*}}.runfiles" ;; esac
    look_for_manifest "$program.runfiles_manifest"
    look_for_manifest "$program.runfiles/MANIFEST"
    [ -L "$program" ] || break
    link=$(readlink "$program")
    case $link in
        /*) program=$link ;;
        *) program=${{program%/*}}/$link ;;
    esac
done
[ -z "$RUNFILES_DIR" ] || look "$RUNFILES_DIR"
[ -z "$RUNFILES_MANIFEST_FILE" ] || look_for_manifest "$RUNFILES_MANIFEST_FILE"

if [ -z "$runfiles" ] && [ -n "$manifest" ]; then
    runfiles=$(mktemp -d) || exit
    trap 'rm -rf "$runfiles"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    made=yes
    lay_out || exit
fi
if [ -z "$runfiles" ]; then
    echo "error: $0: no runfiles with $tool: neither beside it ($0.runfiles, $0.runfiles_manifest), nor around it, nor where RUNFILES_DIR and RUNFILES_MANIFEST_FILE say. Name {label} in the \\`data\\` of whatever runs it" >&2
    exit 1
fi
case $runfiles in
    /*) ;;
    *) runfiles=$PWD/$runfiles ;;
esac
# For the tool, which is a program with the same runfiles.
export RUNFILES_DIR="$runfiles"
unset RUNFILES_MANIFEST_FILE RUNFILES_MANIFEST_ONLY
if [ -z "$made" ]; then
    exec "$runfiles/$tool" --runfiles "$runfiles" {arguments} "$@"
fi
"$runfiles/$tool" --runfiles "$runfiles" {arguments} "$@"
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
        label = label_text(ctx.label),
    ))
    runfiles = ctx.runfiles(files = [file for _, file in files])
    return launcher, runfiles.merge(tool[DefaultInfo].default_runfiles)
