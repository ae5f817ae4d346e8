# Finds the CUDA runtime that belongs to a CUDA build of LibTorch: CudaRuntime_INCLUDE_DIRS,
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
find_program(NVCC nvcc)
set(nvcc_toolkit "")
if(NVCC)
  get_filename_component(nvcc_toolkit "${NVCC}" REALPATH)
  get_filename_component(nvcc_toolkit "${nvcc_toolkit}/../.." ABSOLUTE)
endif()
set(cuda_roots
  "${site_packages}/nvidia/cu${cuda_major}" "${site_packages}/nvidia/cuda_runtime" "${LIBTORCH_ROOT}"
  # Triton comes with PyTorch and has a copy of the headers.
  "${site_packages}/triton/backends/nvidia"
  "$ENV{CUDA_HOME}" "$ENV{CUDA_PATH}" "${nvcc_toolkit}" "/usr/local/cuda-${cuda_version}"
  "/usr/local/cuda-${cuda_major}" /usr/local/cuda /usr)
set(cuda_target "targets/${CMAKE_SYSTEM_PROCESSOR}-linux")

# NVIDIA ships crt/ as a package of its own since CUDA 13, which PyTorch does not ask for: it may be
# that of another folder, of the same major version if there is one.
set(runtime_headers "")
set(crt_headers "")
set(other_crt_headers "")
foreach(root IN LISTS cuda_roots)
  if(NOT root)
    continue()
  endif()
  foreach(suffix include ${cuda_target}/include)
    set(folder "${root}/${suffix}")
    set(same_major FALSE)
    if(EXISTS "${folder}/cuda_runtime_api.h")
      file(STRINGS "${folder}/cuda_runtime_api.h" lines REGEX "define CUDART_VERSION +[0-9]+")
      if(lines MATCHES "CUDART_VERSION +([0-9]+)[0-9][0-9][0-9]")
        if(NOT cuda_major OR CMAKE_MATCH_1 EQUAL cuda_major)
          set(same_major TRUE)
        endif()
      endif()
    endif()
    if(same_major AND NOT runtime_headers)
      set(runtime_headers "${folder}")
    endif()
    if(EXISTS "${folder}/crt/host_defines.h")
      if(same_major AND NOT crt_headers)
        set(crt_headers "${folder}")
      elseif(NOT other_crt_headers)
        set(other_crt_headers "${folder}")
      endif()
    endif()
  endforeach()
  foreach(suffix lib lib64 ${cuda_target}/lib lib/${CMAKE_LIBRARY_ARCHITECTURE})
    # Wheels have libcudart.so.13 only; unpacked libtorch has libcudart-<hash>.so.13.
    file(GLOB found "${root}/${suffix}/libcudart.so.${cuda_major}*"
      "${root}/${suffix}/libcudart-*.so.${cuda_major}*")
    if(found AND NOT CudaRuntime_LIBRARY)
      list(GET found 0 CudaRuntime_LIBRARY)
    endif()
  endforeach()
endforeach()
if(NOT crt_headers)
  set(crt_headers "${other_crt_headers}")
endif()

if(NOT runtime_headers OR NOT crt_headers)
  message(FATAL_ERROR
    "LibTorch is a CUDA ${cuda_version} build, and its headers cuda_runtime_api.h and "
    "crt/host_defines.h were not found. Either set CUDA_HOME to a CUDA ${cuda_major} toolkit or run\n"
    "  python3 -m pip install 'nvidia-cuda-runtime==${cuda_major}.*' 'nvidia-cuda-crt==${cuda_major}.*'")
elseif(NOT CudaRuntime_LIBRARY)
  message(FATAL_ERROR
    "LibTorch is a CUDA ${cuda_version} build, and libcudart.so.${cuda_major} was not found. "
    "Set CUDA_HOME to a CUDA ${cuda_major} toolkit.")
endif()
set(CudaRuntime_INCLUDE_DIRS "${runtime_headers}")
if(NOT EXISTS "${runtime_headers}/crt/host_defines.h")
  list(APPEND CudaRuntime_INCLUDE_DIRS "${crt_headers}")
endif()
message(STATUS "CUDA runtime: ${CudaRuntime_LIBRARY}, headers in ${CudaRuntime_INCLUDE_DIRS}")

get_filename_component(cuda_library_folder "${CudaRuntime_LIBRARY}" DIRECTORY)
file(GLOB nvidia_library_folders LIST_DIRECTORIES true "${site_packages}/nvidia/*/lib")
set(CudaRuntime_RPATH ${nvidia_library_folders} "${cuda_library_folder}")
list(REMOVE_DUPLICATES CudaRuntime_RPATH)
