// Reads a file of Duo authentication records or of Okta System Log events, one a line, with simdjson
// On-Demand and takes the same members that Pushback's readers take. Of Okta it skips, after one search
// for the event type, the lines that Pushback skips. Prints a sum, so that nothing is optimised away.
//
// c++ -O3 -march=native -std=c++17 simdjson_members.cpp -lsimdjson
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

static bool matters(std::string_view type) {
  static const std::string_view types[] = {
      "user.authentication.sso\"", "user.authentication.auth_via_mfa\"", "user.session.start\"",
      "system.push.send_factor_verify_push\"", "user.session.end\"", "user.mfa.factor.activate\"",
      "user.account.update_profile\""};
  for (auto known : types) {
    if (type.substr(0, known.size()) == known) return true;
  }
  return false;
}

static void take_okta(ondemand::object members) {
  ondemand::object part, inner;
  if (members["actor"].get_object().get(part) == SUCCESS) {
    take(part["id"]);
    take(part["type"]);
    take(part["alternateId"]);
  }
  if (members["client"].get_object().get(part) == SUCCESS) {
    if (part["userAgent"].get_object().get(inner) == SUCCESS) {
      take(inner["rawUserAgent"]);
      take(inner["os"]);
      take(inner["browser"]);
    }
    take(part["ipAddress"]);
    if (part["geographicalContext"].get_object().get(inner) == SUCCESS) {
      take(inner["city"]);
      take(inner["state"]);
      take(inner["country"]);
      ondemand::object point;
      double degrees;
      if (inner["geolocation"].get_object().get(point) == SUCCESS) {
        if (point["lat"].get_double().get(degrees) == SUCCESS) sum += degrees > 0;
        if (point["lon"].get_double().get(degrees) == SUCCESS) sum += degrees > 0;
      }
    }
  }
  if (members["device"].get_object().get(part) == SUCCESS) {
    take(part["id"]);
    take(part["name"]);
  }
  if (members["authenticationContext"].get_object().get(part) == SUCCESS) {
    take(part["externalSessionId"]);
  }
  take(members["displayMessage"]);
  take(members["eventType"]);
  if (members["outcome"].get_object().get(part) == SUCCESS) {
    take(part["result"]);
    take(part["reason"]);
  }
  take(members["published"]);
  if (members["securityContext"].get_object().get(part) == SUCCESS) {
    uint64_t autonomous_system;
    if (part["asNumber"].get_uint64().get(autonomous_system) == SUCCESS) sum += autonomous_system;
    take(part["asOrg"]);
  }
  if (members["debugContext"].get_object().get(part) == SUCCESS &&
      part["debugData"].get_object().get(inner) == SUCCESS) {
    for (auto field : inner) {
      std::string_view key;
      if (field.unescaped_key().get(key) == SUCCESS &&
          (key == "dtHash" || key == "deviceFingerprint" || key == "risk" || key == "behaviors" ||
           key == "factor" || key == "threatSuspected" || key == "logOnlySecurityData")) {
        take(field.value());
      }
    }
  }
  if (members["transaction"].get_object().get(part) == SUCCESS) {
    take(part["id"]);
  }
  take(members["uuid"]);
  ondemand::array targets;
  if (members["target"].get_array().get(targets) == SUCCESS) {
    for (auto target : targets) {
      if (target.get_object().get(part) != SUCCESS) continue;
      take(part["id"]);
      take(part["type"]);
      take(part["alternateId"]);
      take(part["displayName"]);
    }
  }
}

static bool take_lines(ondemand::parser &parser, const char *bytes, size_t length, size_t capacity) {
  static const std::string_view key = "\"eventType\":\"";
  size_t at = 0;
  while (at < length) {
    const char *end = static_cast<const char *>(std::memchr(bytes + at, '\n', length - at));
    size_t line = end ? static_cast<size_t>(end - bytes) - at : length - at;
    const char *found = static_cast<const char *>(memmem(bytes + at, line, key.data(), key.size()));
    if (found != nullptr) {
      std::string_view type(found + key.size(), bytes + at + line - found - key.size());
      if (matters(type)) {
        ondemand::document record;
        ondemand::object members;
        if (parser.iterate(bytes + at, line, capacity - at).get(record) != SUCCESS ||
            record.get_object().get(members) != SUCCESS) {
          return false;
        }
        take_okta(members);
        number++;
      }
    }
    at += line + 1;
  }
  return true;
}

// Blocks that stay in the cache are faster than one load of the whole file.
static const size_t block_bytes = 256 << 10;

int main(int count, char **arguments) {
  bool is_okta = count == 3 && std::strcmp(arguments[1], "okta") == 0;
  bool is_known = is_okta || (count == 3 && std::strcmp(arguments[1], "duo") == 0);
  std::FILE *file = is_known ? std::fopen(arguments[2], "rb") : nullptr;
  if (file == nullptr) {
    std::fprintf(stderr, "usage: simdjson_members okta|duo FILE\n");
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
    bool is_read = whole == 0 || (is_okta ? take_lines(parser, block.data(), whole, block.size())
                                          : take_records(parser, block.data(), whole));
    if (!is_read) {
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
