# Finds the CUDA runtime that belongs to a CUDA build of LibTorch: CudaRuntime_INCLUDE_DIR,
# CudaRuntime_LIBRARY, CudaRuntime_RPATH. No GPU, driver or nvcc is needed to build.
#
# The wheels that PyTorch itself loads come first, so that the process has one CUDA runtime; a
# toolkit of the system serves when it is of the same major version.

set(cuda_version "${LIBTORCH_CUDA_VERSION}")
if(NOT cuda_version AND EXISTS "${LIBTORCH_ROOT}/version.py")
  file(STRINGS "${LIBTORCH_ROOT}/version.py" lines REGEX "^cuda[ :=]")
  if(lines MATCHES "'([0-9]+)\\.[0-9]+'")
    set(cuda_version "${CMAKE_MATCH_1}")
  endif()
endif()
string(REGEX MATCH "^[0-9]+" cuda_major "${cuda_version}")

get_filename_component(site_packages "${LIBTORCH_ROOT}/.." ABSOLUTE)
set(cuda_roots
  "${site_packages}/nvidia/cu${cuda_major}" "${site_packages}/nvidia/cuda_runtime" "${LIBTORCH_ROOT}"
  "$ENV{CUDA_HOME}" "$ENV{CUDA_PATH}" "/usr/local/cuda-${cuda_version}"
  "/usr/local/cuda-${cuda_major}" /usr/local/cuda /usr)
set(cuda_target "targets/${CMAKE_SYSTEM_PROCESSOR}-linux")

foreach(root IN LISTS cuda_roots)
  foreach(suffix include ${cuda_target}/include)
    set(folder "${root}/${suffix}")
    # NVIDIA ships crt/ as a package of its own since CUDA 13; the headers are of no use without.
    if(NOT root OR CudaRuntime_INCLUDE_DIR OR NOT EXISTS "${folder}/cuda_runtime_api.h"
       OR NOT EXISTS "${folder}/crt/host_defines.h")
      continue()
    endif()
    file(STRINGS "${folder}/cuda_runtime_api.h" lines REGEX "define CUDART_VERSION +[0-9]+")
    if(lines MATCHES "CUDART_VERSION +([0-9]+)[0-9][0-9][0-9]")
      if(NOT cuda_major OR CMAKE_MATCH_1 EQUAL cuda_major)
        set(CudaRuntime_INCLUDE_DIR "${folder}")
      endif()
    endif()
  endforeach()
  foreach(suffix lib lib64 ${cuda_target}/lib lib/${CMAKE_LIBRARY_ARCHITECTURE})
    # Wheels have libcudart.so.13 only; unpacked libtorch has libcudart-<hash>.so.13.
    file(GLOB found "${root}/${suffix}/libcudart.so.${cuda_major}*"
      "${root}/${suffix}/libcudart-*.so.${cuda_major}*")
    if(root AND found AND NOT CudaRuntime_LIBRARY)
      list(GET found 0 CudaRuntime_LIBRARY)
    endif()
  endforeach()
endforeach()

if(NOT CudaRuntime_INCLUDE_DIR)
  message(FATAL_ERROR
    "LibTorch is a CUDA ${cuda_version} build, and its headers cuda_runtime_api.h and "
    "crt/host_defines.h were not found. Either set CUDA_HOME to a CUDA ${cuda_major} toolkit or run\n"
    "  python3 -m pip install 'nvidia-cuda-runtime==${cuda_major}.*' 'nvidia-cuda-crt==${cuda_major}.*'")
elseif(NOT CudaRuntime_LIBRARY)
  message(FATAL_ERROR
    "LibTorch is a CUDA ${cuda_version} build, and libcudart.so.${cuda_major} was not found. "
    "Set CUDA_HOME to a CUDA ${cuda_major} toolkit.")
endif()
message(STATUS "CUDA runtime: ${CudaRuntime_LIBRARY}, headers in ${CudaRuntime_INCLUDE_DIR}")

get_filename_component(cuda_library_folder "${CudaRuntime_LIBRARY}" DIRECTORY)
file(GLOB nvidia_library_folders LIST_DIRECTORIES true "${site_packages}/nvidia/*/lib")
set(CudaRuntime_RPATH ${nvidia_library_folders} "${cuda_library_folder}")
list(REMOVE_DUPLICATES CudaRuntime_RPATH)
