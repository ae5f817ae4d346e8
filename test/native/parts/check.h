// What the programs of this folder check with.
#pragma once

#include <cstdio>
#include <cstdlib>

// Ends the program with what was expected and where.
#define CHECK(condition)                                                   \
  do {                                                                     \
    if (!(condition)) {                                                    \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      std::exit(1);                                                        \
    }                                                                      \
  } while (false)
