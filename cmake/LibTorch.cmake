# Defines LibTorch::LibTorch from -DLIBTORCH_ROOT= (an unpacked libtorch, or a wheel's torch
# folder), and LibTorch_RPATH, where its libraries are found at run time.
#
# PyTorch's own find_package(Torch) is not used: for a CUDA build it demands a whole CUDA toolkit
# with nvcc, and the addon needs one header and one library of it.

if(NOT LIBTORCH_ROOT)
  message(FATAL_ERROR "LIBTORCH_ROOT is not set. `npm run build:native` finds LibTorch and sets it.")
endif()
get_filename_component(LIBTORCH_ROOT "${LIBTORCH_ROOT}" ABSOLUTE)

foreach(header torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
  if(EXISTS "${LIBTORCH_ROOT}/include/${header}")
    file(STRINGS "${LIBTORCH_ROOT}/include/${header}" lines REGEX "define TORCH_VERSION_M[AI][JN]OR [0-9]+")
    if(lines MATCHES "MAJOR ([0-9]+).*MINOR ([0-9]+)")
      set(LibTorch_VERSION "${CMAKE_MATCH_1}.${CMAKE_MATCH_2}")
      break()
    endif()
  endif()
endforeach()
if(NOT LibTorch_VERSION)
  message(FATAL_ERROR "${LIBTORCH_ROOT} is no LibTorch: its include folder has no version.h.")
elseif(LibTorch_VERSION VERSION_LESS 2.11)
  message(FATAL_ERROR "${LIBTORCH_ROOT} is LibTorch ${LibTorch_VERSION}; Sconce needs 2.11 or newer.")
endif()

function(sconce_libtorch_library name result)
  set(path "${LIBTORCH_ROOT}/lib/lib${name}${CMAKE_SHARED_LIBRARY_SUFFIX}")
  if(NOT EXISTS "${path}")
    message(FATAL_ERROR "${path} does not exist: ${LIBTORCH_ROOT} is no whole LibTorch.")
  endif()
  set(${result} "${path}" PARENT_SCOPE)
endfunction()

add_library(LibTorch::LibTorch INTERFACE IMPORTED)
set(LibTorch_RPATH "${LIBTORCH_ROOT}/lib")
target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE
  "${LIBTORCH_ROOT}/include" "${LIBTORCH_ROOT}/include/torch/csrc/api/include")
target_compile_features(LibTorch::LibTorch INTERFACE cxx_std_20)

set(libraries torch torch_cpu c10)
if(EXISTS "${LIBTORCH_ROOT}/lib/libtorch_cuda.so")
  set(SCONCE_CUDA ON)
  list(PREPEND libraries torch_cuda c10_cuda)
else()
  set(SCONCE_CUDA OFF)
endif()

# torch_cuda registers its kernels when it is loaded, and nothing refers to it by name: without
# this the linker drops it.
if(NOT APPLE)
  target_link_options(LibTorch::LibTorch INTERFACE LINKER:--no-as-needed)
endif()
foreach(name IN LISTS libraries)
  sconce_libtorch_library(${name} path)
  target_link_libraries(LibTorch::LibTorch INTERFACE "${path}")
endforeach()

if(SCONCE_CUDA)
  include(${CMAKE_CURRENT_LIST_DIR}/CudaRuntime.cmake)
  target_compile_definitions(LibTorch::LibTorch INTERFACE SCONCE_CUDA=1)
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE ${CudaRuntime_INCLUDE_DIRS})
  target_link_libraries(LibTorch::LibTorch INTERFACE "${CudaRuntime_LIBRARY}")
  list(APPEND LibTorch_RPATH ${CudaRuntime_RPATH})
endif()
