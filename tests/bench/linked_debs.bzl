"""Packages as a program's data."""

def _linked_debs_impl(ctx):
    return DefaultInfo(runfiles = ctx.runfiles(symlinks = {
        "debs/{}/{}.deb".format(ctx.label.name, number): file
        for number, file in enumerate(ctx.files.srcs)
    }))

linked_debs = rule(
    doc = """Links to packages in `debs/NAME/` of the main repository's runfiles.

Each repository that has files of its own among the runfiles gets into the PYTHONPATH of Python
programs: with a thousand packages no program can be started any more.""",
    implementation = _linked_debs_impl,
    attrs = {"srcs": attr.label_list(doc = "The packages.", allow_files = [".deb"])},
)
