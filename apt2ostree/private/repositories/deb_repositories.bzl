"""The packages' repositories: which there are, and which of them a lock uses."""

load("//apt2ostree/private/lock:closure.bzl", "package_key")
load("//apt2ostree/private/lock:lockfile.bzl", "package_checksum")
load("//apt2ostree/private/lock:repository_names.bzl", "deb_repository_name")
load(":urls.bzl", "has_login", "login_error", "package_urls")

def _check_urls(urls, is_root):
    """What is wrong with a package's URLs, or None.

    Files of this machine are for the root module's locks: another module's author has not seen it.
    """
    if not urls:
        return "has no field APT-Sources, which says what archive it is from: give the lock's apt.lock() an `archive = \"http://…\"`, or write the lock anew with update_lock"
    for url in urls:
        if not is_root and not url.startswith(("http://", "https://")):
            return "is at {}, which is neither http nor https, and this lock is another module's: what is on this machine is for locks of the root module".format(url)
    return None

def deb_repositories(locks):
    """The repositories of the packages of all locks.

    Each package of each lock has a repository, so that their names follow from the names of
    locks, packages and architectures alone. What two locks share is used out of the first one's,
    and so is downloaded and unpacked once; a repository that nobody uses costs its name.

    Args:
        locks: dict: name → struct: `archive`, base URL for stanzas without an origin; `is_root`,
            whether it is the root module's; `packages`, as `parse_lockfile` gives; `path`, what
            to call the lock in errors.

    Returns:
        A struct: `repositories`, a dict: name → keyword arguments of `deb_repository`, mirrors
        apart; `used`, a dict: name of a lock → dict: `NAME:ARCHITECTURE` → name of the repository,
        in the lock's order; `error`, a message, or None, in which case the others count.
    """
    repositories = {}
    used = {}
    first = {}
    for name, lock in locks.items():
        used[name] = {}
        for package in lock.packages:
            fields = package.fields
            urls = package_urls(fields, lock.archive)
            error = _check_urls(urls, lock.is_root)
            if error:
                text = "{}:{}: package {} {}".format(lock.path, package.line, fields["Package"], error)
                return struct(repositories = {}, used = {}, error = text)
            if [url for url in urls if has_login(url)]:
                text = login_error("{}:{}: package {}".format(lock.path, package.line, fields["Package"]))
                return struct(repositories = {}, used = {}, error = text)
            own = deb_repository_name(name, fields)
            repositories[own] = dict(
                package = "{} {} ({})".format(fields["Package"], fields["Version"], fields["Architecture"]),
                lockfile = lock.path,
                checksum = package_checksum(fields),
                urls = urls,
            )
            key = package_key(fields)
            shared = first.setdefault((key, package_checksum(fields)), own)
            known = repositories[shared]["urls"]
            known.extend([url for url in urls if url not in known])
            used[name][key] = shared
    return struct(repositories = repositories, used = used, error = None)
