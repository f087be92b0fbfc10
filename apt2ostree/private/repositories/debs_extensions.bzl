"""The module extensions whose repositories are the .debs.

When one repository of an extension comes or goes, Bazel loads and analyzes everything in all of
its repositories anew, because each of them could name each other. So the packages are spread over
several extensions, by name: a package's new version touches those of one. They see no tags; what
each is to make is in a repository of the extension `apt`.
"""

load("//apt2ostree/private/lock:repository_names.bzl", "PARTS")
load(":deb_repository.bzl", "deb_repository")

def _extension(part):
    def implementation(module_ctx):
        index = module_ctx.read(Label("@apt2ostree_debs//:{}.json".format(part)))
        for arguments in json.decode(index):
            deb_repository(**arguments)
        return module_ctx.extension_metadata(
            reproducible = True,
            root_module_direct_deps = [],
            root_module_direct_dev_deps = [],
        )

    return module_extension(
        doc = "Some of the packages.",
        implementation = implementation,
    )

# Extensions have to be global variables.
(
    debs_0,
    debs_1,
    debs_2,
    debs_3,
    debs_4,
    debs_5,
    debs_6,
    debs_7,
    debs_8,
    debs_9,
    debs_10,
    debs_11,
    debs_12,
    debs_13,
    debs_14,
    debs_15,
) = [_extension(part) for part in range(PARTS)]

def _index_repository_impl(repository_ctx):
    repository_ctx.file("BUILD.bazel", "")
    for part, text in enumerate(repository_ctx.attr.parts):
        repository_ctx.file("{}.json".format(part), text)

index_repository = repository_rule(
    doc = "What the extensions are to make.",
    implementation = _index_repository_impl,
    attrs = {
        "parts": attr.string_list(
            doc = "For each extension the JSON text of a list of arguments of `deb_repository`.",
        ),
    },
)
