// Reads a file of Duo authentication records, one a line, with simdjson On-Demand and takes the same
// members that Pushback's reader takes. Prints a sum, so that nothing is optimised away.
//
// c++ -O3 -march=native -std=c++17 simdjson_duo.cpp -lsimdjson
#include <simdjson.h>

#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

using namespace simdjson;

static unsigned long long number = 0;
static unsigned long long sum = 0;

static void take(simdjson_result<ondemand::value> value) {
  std::string_view text;
  if (value.get_string().get(text) == SUCCESS) {
    sum += text.size();
  }
}

static void take_place(ondemand::object device) {
  take(device["ip"]);
  ondemand::object location;
  if (device["location"].get_object().get(location) == SUCCESS) {
    take(location["city"]);
    take(location["country"]);
    take(location["state"]);
  }
}

static bool take_records(ondemand::parser &parser, const char *bytes, size_t length) {
  ondemand::document_stream records;
  if (parser.iterate_many(bytes, length, length + 1).get(records) != SUCCESS) {
    return false;
  }
  for (auto record : records) {
    ondemand::object members;
    if (record.get_object().get(members) != SUCCESS) {
      return false;
    }
    // In the order in which Duo writes them, which is the fastest for On-Demand.
    ondemand::object part;
    if (members["access_device"].get_object().get(part) == SUCCESS) {
      take(part["browser"]);
      take_place(part);
      take(part["os"]);
    }
    if (members["application"].get_object().get(part) == SUCCESS) {
      take(part["name"]);
    }
    if (members["auth_device"].get_object().get(part) == SUCCESS) {
      take_place(part);
      take(part["name"]);
    }
    take(members["email"]);
    take(members["event_type"]);
    take(members["factor"]);
    take(members["isotimestamp"]);
    take(members["reason"]);
    take(members["result"]);
    take(members["txid"]);
    if (members["user"].get_object().get(part) == SUCCESS) {
      take(part["key"]);
      take(part["name"]);
    }
    number++;
  }
  return true;
}

// Blocks that stay in the cache are faster than one load of the whole file.
static const size_t block_bytes = 256 << 10;

int main(int count, char **arguments) {
  std::FILE *file = count == 2 ? std::fopen(arguments[1], "rb") : nullptr;
  if (file == nullptr) {
    std::fprintf(stderr, "usage: simdjson_duo FILE\n");
    return 2;
  }
  std::setvbuf(file, nullptr, _IONBF, 0);
  ondemand::parser parser;
  std::vector<char> block(2 * block_bytes + SIMDJSON_PADDING);
  size_t held = 0;
  for (;;) {
    size_t got = std::fread(block.data() + held, 1, block_bytes, file);
    size_t length = held + got;
    size_t whole = length;
    if (got > 0) {
      while (whole > 0 && block[whole - 1] != '\n') whole--;
    }
    if (whole > 0 && !take_records(parser, block.data(), whole)) {
      std::fprintf(stderr, "a record cannot be read\n");
      return 1;
    }
    if (got == 0) break;
    held = length - whole;
    if (held > block_bytes) {
      std::fprintf(stderr, "a record is too long\n");
      return 1;
    }
    std::memmove(block.data(), block.data() + whole, held);
  }
  std::printf("%llu records, %llu bytes\n", number, sum);
  return 0;
}
