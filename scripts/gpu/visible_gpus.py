"""Asks the driver for the GPUs that programs see here, without torch, which takes seconds to load.

Prints one JSON object: {"gpus": ["name", …]} or {"problem": "why there are none"}.
"""

import ctypes
import json


def visible_gpus():
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return {"problem": "there is no NVIDIA driver: libcuda.so.1 cannot be loaded"}
    if (code := cuda.cuInit(0)) != 0:
        return {"problem": f"the driver refuses: cuInit answered {code}"}
    count = ctypes.c_int()
    cuda.cuDeviceGetCount(ctypes.byref(count))
    if count.value == 0:
        return {"problem": "the driver shows none (CUDA_VISIBLE_DEVICES?)"}
    names = []
    for index in range(count.value):
        device, name = ctypes.c_int(), ctypes.create_string_buffer(100)
        cuda.cuDeviceGet(ctypes.byref(device), index)
        cuda.cuDeviceGetName(name, len(name), device)
        names.append(name.value.decode())
    return {"gpus": names}


print(json.dumps(visible_gpus()))
