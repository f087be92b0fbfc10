"""The `apt` module extension: lockfiles become repositories.

A hub repository per lock, and a repository per package, which is downloaded only when something
that is built needs it. Everything follows from the lockfiles, so the extension is reproducible
and leaves nothing in MODULE.bazel.lock.
"""

load("//apt2ostree/private/lock:automatic.bzl", "automatic_in_lock")
load("//apt2ostree/private/lock:closure.bzl", "package_key")
load("//apt2ostree/private/lock:lockfile.bzl", "parse_lockfile")
load(":deb_repositories.bzl", "deb_repositories")
load(":deb_repository.bzl", "deb_repository")
load(":emulators.bzl", "EMULATORS", "emulator_target")
load(":fakeroot_lock.bzl", "fakeroot_suite", "fakeroot_targets")
load(":hub_repository.bzl", "hub_repository")

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
            doc = "The lockfile: a Debian Packages index. It need not exist before its first " +
                  "update; asking for its packages is then an error.",
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
    return module_ctx.read(path) if path.exists else None

def _label_name(label):
    """`image/Packages.lock`, or `@module//image:Packages.lock` of another module."""
    if label.workspace_name:
        return str(label)
    return label.package + "/" + label.name if label.package else label.name

def _parse(module_ctx, label, architectures):
    """(what is in a lock, whether it is there at all)."""
    text = _read(module_ctx, label)
    lock = parse_lockfile(text or "", _label_name(label), architectures)
    if lock.error:
        fail(lock.error)
    return lock, text != None

def _absent(name, label):
    """What is to be said of a lockfile that does not exist."""
    package = str(label).rpartition(":")[0].replace("@@//", "//").replace("@//", "//")
    return ("{} does not exist, so nothing can be made of @{}. If it was never written, run its " +
            "update, the apt_lock that names it (`bazel query 'kind(apt_locks, {}:all)'` finds " +
            "it): `bazel run {}:TARGET`. If it is elsewhere, say where: `lockfile` of " +
            "apt.lock(name = \"{}\") in MODULE.bazel").format(
        _label_name(label),
        name,
        package,
        package,
        name,
    )

def _fakeroot(module_ctx, lock):
    """The labels of what configures images of a lock."""
    suite = fakeroot_suite(lock.packages, lock.architectures)
    if not suite:
        return []
    own = Label("//apt2ostree/configure/locks:{}.lock".format(suite))
    lock_of_suite, _ = _parse(module_ctx, own, EMULATORS.keys())
    keys = [package_key(package.fields) for package in lock_of_suite.packages]
    return fakeroot_targets(suite, lock.architectures, keys)

def _locks(module_ctx):
    """dict: name → struct: what the tag says, and what is in the lock."""
    locks = {}
    for module in module_ctx.modules:
        for tag in module.tags.lock:
            if tag.name in locks:
                fail("apt.lock(name = \"{}\") is there twice, in the modules {} and {}: names of locks are global, so give one of them another; a module that is not yours can be patched with single_version_override(patches = …)".format(tag.name, locks[tag.name].module.name, module.name))
            lock, exists = _parse(module_ctx, tag.lockfile, tag.architectures)
            locks[tag.name] = struct(
                absent = "" if exists else _absent(tag.name, tag.lockfile),
                architectures = lock.architectures,
                archive = tag.archive,
                dev = module_ctx.is_dev_dependency(tag),
                is_root = module.is_root,
                label = tag.lockfile,
                module = module,
                packages = lock.packages,
                path = _label_name(tag.lockfile),
            )
    return locks

def _apt_impl(module_ctx):
    locks = _locks(module_ctx)
    debs = deb_repositories(locks)
    if debs.error:
        fail(debs.error)
    mirrors = [
        "{}={}".format(tag.archive, tag.url)
        for module in module_ctx.modules
        for tag in module.tags.mirror
        if module.is_root
    ]
    for name, arguments in debs.repositories.items():
        deb_repository(name = name, mirrors = mirrors, **arguments)
    for name, lock in locks.items():
        hub_repository(
            name = name,
            absent = lock.absent,
            architectures = lock.architectures,
            automatic = automatic_in_lock(lock.packages),
            debs = debs.used[name],
            emulator = emulator_target(lock.architectures),
            lockfile = lock.label,
            fakeroot = _fakeroot(module_ctx, lock),
        )
    own = {name: lock.dev for name, lock in locks.items() if lock.module.is_root}
    return module_ctx.extension_metadata(
        reproducible = True,
        root_module_direct_deps = [name for name, dev in own.items() if not dev],
        root_module_direct_dev_deps = [name for name, dev in own.items() if dev],
    )

apt = module_extension(
    doc = "Debian packages from lockfiles.",
    implementation = _apt_impl,
    tag_classes = {
        "lock": _lock,
        "mirror": _mirror,
    },
)
