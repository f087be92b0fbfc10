"""An emulator out of its package: one program of dozens, so the package is no tree."""

load("//apt2ostree/private/providers:deb_packages_info.bzl", "DebPackagesInfo")
load(":configuring.bzl", "CONFIGURING_ATTRS", "not_configuring")
load(":request.bzl", "request")

def _qemu_user_impl(ctx):
    debs = depset(transitive = [
        package[OutputGroupInfo].debs
        for package in ctx.attr.packages
    ]).to_list()
    if not debs:
        return [DefaultInfo()]
    program = ctx.actions.declare_file(ctx.label.name + "/" + ctx.attr.program.split("/")[-1])
    ctx.actions.run(
        executable = ctx.executable._tool,
        arguments = [request(ctx, {
            "deb": debs[0],
            "output": program,
            "program": ctx.attr.program,
        })],
        inputs = debs[:1],
        outputs = [program],
        mnemonic = "DebFile",
        progress_message = "Extracting " + ctx.attr.program,
    )
    return [DefaultInfo(files = depset([program]))]

qemu_user = rule(
    doc = "A program out of a package; nothing, where there is no package.",
    implementation = _qemu_user_impl,
    attrs = {
        "packages": attr.label_list(
            cfg = not_configuring,
            doc = "One package of a lock, or none.",
            providers = [DebPackagesInfo],
        ),
        "program": attr.string(doc = "Its path in the package.", mandatory = True),
        "_tool": attr.label(default = "//tools:deb_file", executable = True, cfg = "exec"),
    } | CONFIGURING_ATTRS,
)
