"""pack.py ARCHIVE NODE NODE_MODULES: a Node binary and packages as one archive, by what lies where in
the checkout that it is unpacked in."""

import sys
import tarfile


def without_owner(member):
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


archive, node, modules = sys.argv[1:]
with tarfile.open(archive, "w:xz", preset=6) as tar:
    tar.add(node, "build/gpu-pack/node", filter=without_owner)
    tar.add(modules, "node_modules", filter=without_owner)
