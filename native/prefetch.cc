// A module of its own, without LibTorch: it loads the addon while Node still reads JavaScript.

#include <dlfcn.h>
#include <node_api.h>

#include <atomic>
#include <string>
#include <system_error>
#include <thread>

namespace {

std::atomic<bool> finished{true};

/** The addon, which lies beside this library; empty when the linker cannot tell where that is. */
std::string addon_path() {
  Dl_info info{};
  if (dladdr(&finished, &info) == 0) return {};
  const std::string own = info.dli_fname;
  return own.substr(0, own.rfind('/') + 1) + "sconce.node";
}

napi_value wait(napi_env, napi_callback_info) {
  finished.wait(false);
  return nullptr;
}

void load(const std::string& path) {
  dlopen(path.c_str(), RTLD_LAZY);
  finished = true;
  finished.notify_all();
}

}  // namespace

/**
 * Starts the thread. Node's own dlopen() of the addon waits for it, and reports what is wrong. The
 * handle is never closed: the addon stays for the life of the process.
 */
extern "C" __attribute__((visibility("default"))) napi_value napi_register_module_v1(
    napi_env environment, napi_value exports) {
  napi_value function = nullptr;
  if (napi_create_function(environment, "wait", NAPI_AUTO_LENGTH, wait, nullptr, &function) !=
          napi_ok ||
      napi_set_named_property(environment, exports, "wait", function) != napi_ok) {
    return nullptr;
  }
  const std::string path = addon_path();
  if (path.empty() || !finished.exchange(false)) return exports;
  try {
    std::thread(load, path).detach();
  } catch (const std::system_error&) {
    finished = true;
  }
  return exports;
}
