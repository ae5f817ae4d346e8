# CMakeLists.txt is the build. This only leads `node-gyp rebuild` to it, and lists no sources.
{
  "targets": [{
    "target_name": "native",
    "type": "none",
    "actions": [{
      "action_name": "cmake_js",
      "inputs": ["CMakeLists.txt"],
      "outputs": ["<(PRODUCT_DIR)/sconce.node"],
      "action": ["node", "scripts/build-native.mjs"]
    }]
  }]
}
