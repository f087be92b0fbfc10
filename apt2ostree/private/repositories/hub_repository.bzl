"""The hub of a lock: `:packages` is all of it as trees, `:debs` as files; `//NAME` is a package
with what it needs.

One small BUILD file per package, so that asking for one loads one. What the targets are made of
is data in `lock.bzl` of a repository beside the hub, so that when it changes, one file is written
anew and not thousands. The lock itself is in another: a new version of a package changes that one
and the package's, and Bazel looks again at nothing else. Which package needs which is in a third,
which is made only for who asks for single packages; a package's closure is computed when its
BUILD file is loaded.
"""

load("//apt2ostree/private/lock:closure.bzl", "dependency_edges")
load("//apt2ostree/private/lock:lockfile.bzl", "parse_lockfile")
load("//apt2ostree/private/lock:repository_names.bzl", "data_repository_name", "edges_repository_name", "lock_repository_name")
load(":hub_files.bzl", "data_files", "edges_files", "hub_files", "lock_files", "package_names")

def _write(repository_ctx, files):
    for path, text in files.items():
        repository_ctx.file(path, text)

def _hub_repository_impl(repository_ctx):
    attributes = repository_ctx.attr
    if attributes.absent:
        fail(attributes.absent)
    _write(repository_ctx, hub_files(attributes.lock, attributes.packages))

_hub_repository = repository_rule(
    implementation = _hub_repository_impl,
    attrs = {
        "absent": attr.string(doc = "What to say if the lockfile does not exist; empty if it does."),
        "lock": attr.string(doc = "The lock's name."),
        "packages": attr.string_list(doc = "Names."),
    },
)

def _data_repository_impl(repository_ctx):
    attributes = repository_ctx.attr
    _write(repository_ctx, data_files(
        lock = attributes.lock,
        architectures = attributes.architectures,
        automatic = attributes.automatic,
        debs = attributes.debs,
        emulator = attributes.emulator,
        fakeroot = attributes.fakeroot,
    ))

_data_repository = repository_rule(
    implementation = _data_repository_impl,
    attrs = {
        "architectures": attr.string_list(doc = "The native one first."),
        "automatic": attr.string_list(doc = "`NAME:ARCHITECTURE` of those that nobody asked for."),
        "debs": attr.string_dict(doc = "`NAME:ARCHITECTURE` → repository, in the lock's order."),
        "emulator": attr.string(doc = "Label of what `:emulator` stands for."),
        "fakeroot": attr.string_list(doc = "Labels of the packages that `:fakeroot` stands for."),
        "lock": attr.string(doc = "The lock's name."),
    },
)

def _read_lock(repository_ctx):
    lockfile = repository_ctx.path(repository_ctx.attr.lockfile)
    return repository_ctx.read(lockfile) if lockfile.exists else ""

def _lock_repository_impl(repository_ctx):
    _write(repository_ctx, lock_files(_read_lock(repository_ctx)))

_lock_repository = repository_rule(
    implementation = _lock_repository_impl,
    attrs = {"lockfile": attr.label(doc = "The lock, of which this is a copy.")},
)

def _edges_repository_impl(repository_ctx):
    attributes = repository_ctx.attr
    lock = parse_lockfile(
        _read_lock(repository_ctx),
        str(attributes.lockfile),
        attributes.architectures,
    )
    if lock.error:
        fail(lock.error)
    _write(repository_ctx, edges_files(dependency_edges(lock.packages)))

_edges_repository = repository_rule(
    implementation = _edges_repository_impl,
    attrs = {
        "architectures": attr.string_list(doc = "The native one first."),
        "lockfile": attr.label(doc = "The lock."),
    },
)

def hub_repository(name, absent, architectures, debs, lockfile, **kwargs):
    """Make a lock's hub.

    Args:
        name: of the lock, and of the repository.
        absent: string: what to say to who asks for packages of a lockfile that does not exist;
            empty if it exists.
        architectures: list of string: of the lock, the native one first.
        debs: dict: `NAME:ARCHITECTURE` → repository, in the lock's order.
        lockfile: label of the lock.
        **kwargs: the other attributes of the repository with the hub's data.
    """
    _hub_repository(name = name, absent = absent, lock = name, packages = package_names(debs))
    _lock_repository(name = lock_repository_name(name), lockfile = lockfile)
    _data_repository(
        name = data_repository_name(name),
        architectures = architectures,
        debs = debs,
        lock = name,
        **kwargs
    )
    _edges_repository(
        name = edges_repository_name(name),
        architectures = architectures,
        lockfile = lockfile,
    )
