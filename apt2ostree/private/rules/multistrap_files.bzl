"""What multistrap itself writes into an image, as a directory."""

load(":request.bzl", "request")

def _multistrap_files_impl(ctx):
    output = ctx.actions.declare_directory(ctx.label.name)
    files = ctx.files.config + ctx.files.includes
    ctx.actions.run(
        executable = ctx.executable._tool,
        arguments = [request(ctx, {
            "architecture": ctx.attr.architecture,
            "files": [(file.short_path, file) for file in files],
            "output": output,
        })],
        inputs = files,
        outputs = [output],
        mnemonic = "MultistrapFiles",
        progress_message = "Writing what multistrap writes for %{label}",
    )
    return [DefaultInfo(files = depset([output]))]

multistrap_files = rule(
    doc = "The files that multistrap writes into an image besides those of packages: apt's " +
          "sources and preferences.",
    implementation = _multistrap_files_impl,
    attrs = {
        "architecture": attr.string(doc = "Counts for more than the configuration's `arch`."),
        "config": attr.label(doc = "The configuration.", allow_single_file = True, mandatory = True),
        "includes": attr.label_list(doc = "The files that it names.", allow_files = True),
        "_tool": attr.label(default = "//tools:multistrap_files", executable = True, cfg = "exec"),
    },
)
