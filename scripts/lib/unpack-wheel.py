"""Unpacks from wheels the parts that the addon is built with and runs on.

unpack-wheel.py requires WHEEL          prints the wheel's requirements, one a line
unpack-wheel.py unpack TARGET WHEEL...  unpacks libraries, headers and licences to TARGET
"""

import re
import sys
import zipfile

KEEP = re.compile(
    r"torch/(include/|lib/|share/cmake/|version\.py$)"
    r"|torch\.libs/"
    r"|nvidia/[^/]+/(include|lib)/"
    r"|[^/]+\.dist-info/(LICEN[CS]E|NOTICE|licenses/)"
)
# Python's own bindings and PyTorch's test libraries: nothing that is kept links them.
DROP = re.compile(
    r"torch/lib/lib(torch_python|shm|jitbackend_test|torchbind_test|backend_with_compiler"
    r"|aoti_custom_ops)[./_]"
    r"|.*\.(a|bc)$"
)


def requires(path):
    with zipfile.ZipFile(path) as wheel:
        name = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
        for line in wheel.read(name).decode().split("\n\n")[0].splitlines():
            if line.startswith("Requires-Dist: "):
                print(line.removeprefix("Requires-Dist: ").strip())


def unpack(target, paths):
    for path in paths:
        with zipfile.ZipFile(path) as wheel:
            for name in wheel.namelist():
                if KEEP.match(name) and not DROP.match(name):
                    wheel.extract(name, target)


if sys.argv[1] == "requires":
    requires(sys.argv[2])
else:
    unpack(sys.argv[2], sys.argv[3:])
