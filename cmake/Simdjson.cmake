# Defines simdjson_objects, the JSON parser: compiled from the npm package in -DSIMDJSON_DIR=, or
# the system's library with -DSIMDJSON_SYSTEM=ON.
if(SIMDJSON_SYSTEM)
  find_package(simdjson REQUIRED)
  add_library(simdjson_objects INTERFACE)
  target_link_libraries(simdjson_objects INTERFACE simdjson::simdjson)
  return()
endif()

if(NOT SIMDJSON_DIR)
  set(SIMDJSON_DIR "${CMAKE_SOURCE_DIR}/node_modules/@nozbe/simdjson/src")
endif()
if(NOT EXISTS "${SIMDJSON_DIR}/simdjson.cpp")
  message(FATAL_ERROR "${SIMDJSON_DIR}/simdjson.cpp does not exist: run `npm ci` first.")
endif()
add_library(simdjson_objects OBJECT "${SIMDJSON_DIR}/simdjson.cpp")
target_include_directories(simdjson_objects SYSTEM PUBLIC "${SIMDJSON_DIR}")
set_target_properties(simdjson_objects PROPERTIES
  CXX_VISIBILITY_PRESET hidden
  VISIBILITY_INLINES_HIDDEN ON)
