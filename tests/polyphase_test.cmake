# What tests are made with, wherever they are.
include(GoogleTest)

if(POLYPHASE_SANITIZE)
  set(test_prefix ${POLYPHASE_SANITIZE}:) # of the tests' names
endif()

# A GoogleTest program. It may use the public API, all of src/, and by its path from the top what tests share.
function(polyphase_test name)
  add_executable(${name} ${ARGN})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${name} PRIVATE polyphase_static GTest::gmock_main)
  gtest_discover_tests(${name} TEST_PREFIX "${test_prefix}${threads_prefix}" DISCOVERY_TIMEOUT 120
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTIES TIMEOUT 600 ENVIRONMENT UBSAN_OPTIONS=print_stacktrace=1)
endfunction()

# The tests of tools in Python run with Debian's, as tools/perf/perf does, since no other sees Debian's packages.
set(modules numpy,scipy,jinja2)
find_program(POLYPHASE_SYSTEM_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
mark_as_advanced(POLYPHASE_SYSTEM_PYTHON)
set(missing ON)
if(POLYPHASE_SYSTEM_PYTHON)
  execute_process(COMMAND ${POLYPHASE_SYSTEM_PYTHON} -c "import ${modules}" RESULT_VARIABLE missing ERROR_QUIET)
endif()
if(missing)
  message(STATUS "/usr/bin/python3 with ${modules} was not found: the tests of bench/peers and tools/perf are left out "
    "(tools/setup.sh perf)")
elseif(NOT POLYPHASE_SANITIZE) # they look at sources
  set(test_python ON)
endif()
