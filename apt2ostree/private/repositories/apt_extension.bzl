"""The `apt` module extension: lockfiles become repositories.

A hub repository per lock, and through `debs_extensions.bzl` one repository per distinct .deb,
which is downloaded only when something that is built needs it. Everything follows from the
lockfiles, so the extension is reproducible and leaves nothing in MODULE.bazel.lock.
"""

load("//apt2ostree/private/lock:closure.bzl", "package_key")
load("//apt2ostree/private/lock:lockfile.bzl", "parse_lockfile")
load("//apt2ostree/private/lock:repository_names.bzl", "PARTS", "deb_part", "deb_repository_name")
load(":debs_extensions.bzl", "index_repository")
load(":emulators.bzl", "emulator_target")
load(":fakeroot_lock.bzl", "fakeroot_targets")
load(":hub_repository.bzl", "hub_repository")
load(":urls.bzl", "package_urls")

_lock = tag_class(
    doc = "A lockfile, and the name of the repository through which its packages are had.",
    attrs = {
        "architectures": attr.string_list(
            doc = "Architectures that the lock may hold besides `all`, the native one first. " +
                  "Needed only for a lock of more than one.",
        ),
        "archive": attr.string(
            doc = "Base URL of the archive, for lockfiles whose stanzas have no `APT-Sources` " +
                  "field (those of the original apt2ostree).",
        ),
        "lockfile": attr.label(
            doc = "The lockfile: a Debian Packages index. One that does not exist yet, or is " +
                  "empty, is a lock of no packages, so that its first update can run.",
            mandatory = True,
        ),
        "name": attr.string(
            doc = "Name of the hub repository: `@NAME//:packages` is the whole lock, " +
                  "`@NAME//nginx` one package with its dependencies.",
            mandatory = True,
        ),
    },
)

_mirror = tag_class(
    doc = "A place to try before an archive itself. Only the root module's count.",
    attrs = {
        "archive": attr.string(doc = "URL prefix that lockfiles have.", mandatory = True),
        "url": attr.string(doc = "URL prefix to try in its place.", mandatory = True),
    },
)

def _read(module_ctx, label):
    path = module_ctx.path(label)
    module_ctx.watch(path)
    return module_ctx.read(path) if path.exists else ""

def _label_name(label):
    """`image/Packages.lock`, or `@module//image:Packages.lock` of another module."""
    if label.workspace_name:
        return str(label)
    return label.package + "/" + label.name if label.package else label.name

def _deb_repositories(lock, path, archive, debs):
    """Add a lock's packages to `debs`: repository name → keyword arguments."""
    names = {}
    for package in lock.packages:
        fields = package.fields
        name = deb_repository_name(fields)
        names[package_key(fields)] = name
        urls = package_urls(fields, archive)
        if not urls:
            fail("{}:{}: package {} has no field APT-Sources, which says what archive it is from: give the lock's apt.lock() an `archive = \"http://…\"`, or write the lock anew with update_lock".format(path, package.line, fields["Package"]))
        known = debs.setdefault(name, dict(
            name = name,
            package = "{} {} ({})".format(fields["Package"], fields["Version"], fields["Architecture"]),
            lockfile = path,
            sha256 = fields["SHA256"],
            urls = urls,
        ))
        if known["sha256"] != fields["SHA256"]:
            fail("{}:{}: packages with the SHA-256 {} and {} would share a repository".format(path, package.line, known["sha256"], fields["SHA256"]))
        for url in urls:
            if url not in known["urls"]:
                known["urls"].append(url)
    return names

def _apt_impl(module_ctx):
    debs = {}
    hubs = {}
    owners = {}
    mirrors = []
    direct = {False: [], True: []}
    if "apt2ostree" not in [module.name for module in module_ctx.modules]:
        fail("this is another extension than the one that the packages' repositories are made for: write use_extension(\"@apt2ostree//apt2ostree:extensions.bzl\", \"apt\"), without a file of your own between and without isolate")
    for module in module_ctx.modules:
        for tag in module.tags.lock:
            if tag.name in owners:
                fail("apt.lock(name = \"{}\") is there twice, in the modules {} and {}: names of locks are global, so give one of them another".format(tag.name, owners[tag.name], module.name))
            owners[tag.name] = module.name
            path = _label_name(tag.lockfile)
            lock = parse_lockfile(_read(module_ctx, tag.lockfile), path, tag.architectures)
            if lock.error:
                fail(lock.error)
            names = _deb_repositories(lock, path, tag.archive, debs)
            hubs[tag.name] = struct(debs = names, lock = lock, lockfile = tag.lockfile)
            if module.is_root:
                direct[module_ctx.is_dev_dependency(tag)].append(tag.name)
        if module.is_root:
            if module.name == "apt2ostree":
                direct[False].append("apt2ostree_debs")
            mirrors = ["{}={}".format(tag.archive, tag.url) for tag in module.tags.mirror]
    keys = {name: hub.debs for name, hub in hubs.items()}
    for name, hub in hubs.items():
        hub_repository(
            name = name,
            architectures = hub.lock.architectures,
            automatic = [
                package_key(package.fields)
                for package in hub.lock.packages
                if package.fields.get("Auto-Installed") == "1"
            ],
            debs = hub.debs,
            emulator = emulator_target(hub.lock.architectures),
            lockfile = hub.lockfile,
            fakeroot = fakeroot_targets(hub.lock.packages, hub.lock.architectures, keys),
        )
    parts = [[] for _ in range(PARTS)]
    for name, arguments in debs.items():
        parts[deb_part(name)].append(arguments | {"mirrors": mirrors})
    index_repository(name = "apt2ostree_debs", parts = [json.encode(part) for part in parts])
    return module_ctx.extension_metadata(
        reproducible = True,
        root_module_direct_deps = direct[False],
        root_module_direct_dev_deps = direct[True],
    )

apt = module_extension(
    doc = "Debian packages from lockfiles.",
    implementation = _apt_impl,
    tag_classes = {
        "lock": _lock,
        "mirror": _mirror,
    },
)
