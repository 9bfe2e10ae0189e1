#include "base/errors.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <string>

namespace {

struct Ran {
    int status;
    std::string output;
};

/// The program with these arguments, stdout only.
Ran run_moesaic(std::string const& arguments) {
    auto const command = std::string{MOESAIC_BINARY} + " " + arguments + " 2>/dev/null";
    auto* const pipe = popen(command.c_str(), "r");
    moesaic::expects(pipe != nullptr, "a pipe to the program");
    std::string output;
    std::array<char, 4096> buffer{};
    while (auto const got = fread(buffer.data(), 1, buffer.size(), pipe)) {
        output.append(buffer.data(), got);
    }
    return {pclose(pipe) >> 8, output};
}

} // namespace

TEST_CASE("models lists every model of the catalogue with its size", "[cli]") {
    auto const ran = run_moesaic("models");
    CHECK(ran.status == 0);
    CHECK(ran.output.find(
              "ling_plus                         290.6B    29.00B      88    5376          181.6") !=
          std::string::npos);
}

TEST_CASE("models show gives the shape, its parts and their sources", "[cli]") {
    auto const ran = run_moesaic("models show ling_lite");
    CHECK(ran.status == 0);
    CHECK(ran.output.find("FFN: top 6 of 64 experts of 1408, shared 2816") != std::string::npos);
    CHECK(ran.output.find("sources (") != std::string::npos);
    auto const json = run_moesaic("models show ling_lite --json");
    CHECK(json.status == 0);
    CHECK(json.output.front() == '{');
    CHECK(json.output.find("\"expert_ffn\": 1408") != std::string::npos);
}

TEST_CASE("models show tells a sliding window and which layers have none", "[cli]") {
    CHECK(run_moesaic("models show gpt_oss_20b")
              .output.find("a query sees 128 keys, all in the last of every 2 layers") != std::string::npos);
    CHECK(run_moesaic("models show ling_lite").output.find("a query sees") == std::string::npos);
}

TEST_CASE("models show of an unknown model is the user's error and prints nothing on stdout", "[cli]") {
    auto const ran = run_moesaic("models show ling_pluss");
    CHECK(ran.status == 2);
    CHECK(ran.output.empty());
}
