# An overlay port, which builds the checkout that it is in:
# vcpkg install polyphase --overlay-ports=tools/packaging/vcpkg
get_filename_component(SOURCE_PATH ${CMAKE_CURRENT_LIST_DIR}/../../../.. ABSOLUTE)
vcpkg_check_features(OUT_FEATURE_OPTIONS feature_options FEATURES tool POLYPHASE_BUILD_CLI)
vcpkg_cmake_configure(SOURCE_PATH ${SOURCE_PATH} OPTIONS
  ${feature_options}
  -DFETCHCONTENT_FULLY_DISCONNECTED=ON
  -DPOLYPHASE_BUILD_TESTS=OFF
  -DPOLYPHASE_BUILD_BENCH=OFF
  -DPOLYPHASE_BUILD_PYTHON=OFF)
vcpkg_cmake_install()

# The project installs both libraries; a triplet wants one.
if(VCPKG_LIBRARY_LINKAGE STREQUAL "static")
  set(others lib/libpolyphase.so* lib/cmake/polyphase/polyphase-shared*.cmake)
else()
  set(others lib/libpolyphase.a lib/cmake/polyphase/polyphase-static*.cmake)
endif()
foreach(tree ${CURRENT_PACKAGES_DIR} ${CURRENT_PACKAGES_DIR}/debug)
  list(TRANSFORM others PREPEND ${tree}/ OUTPUT_VARIABLE patterns)
  file(GLOB files ${patterns})
  if(files)
    file(REMOVE ${files})
  endif()
endforeach()

vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/polyphase)
vcpkg_fixup_pkgconfig()
if("tool" IN_LIST FEATURES)
  vcpkg_copy_tools(TOOL_NAMES polyphase AUTO_CLEAN)
endif()
file(REMOVE_RECURSE ${CURRENT_PACKAGES_DIR}/debug/include ${CURRENT_PACKAGES_DIR}/debug/share)
vcpkg_install_copyright(FILE_LIST ${SOURCE_PATH}/LICENSE)
