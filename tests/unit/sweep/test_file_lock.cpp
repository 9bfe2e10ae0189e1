#include "sweep/file_lock.hpp"
#include "sweep_text.hpp"

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <sys/wait.h>
#include <unistd.h>

using namespace moesaic;
using namespace moesaic::sweep;
using moesaic::test::Folder;

TEST_CASE("one sweep at a time is at work on a result, or parts of one", "[sweep]") {
    Folder const folder;
    auto const output = folder.file("a.h5");
    auto const refused = [&](LockKind kind) {
        return moesaic::test::message_of([&] { OutputLock const lock{output, kind}; });
    };
    {
        OutputLock const whole{output, LockKind::alone};
        auto const said = refused(LockKind::shared);
        CHECK(said.find(fmt::format("process {} on ", ::getpid())) != std::string::npos);
        CHECK(said.find("is at work on this result") != std::string::npos);
    }
    {
        OutputLock const part{output, LockKind::shared};
        CHECK_NOTHROW(OutputLock{output, LockKind::shared});
        CHECK(refused(LockKind::alone).find("another process is at work") != std::string::npos);
    }
}

TEST_CASE("the lock of a process that was killed holds nobody up", "[sweep]") {
    Folder const folder;
    auto const output = folder.file("a.h5");
    auto const pid = ::fork();
    if (pid == 0) {
        OutputLock const lock{output, LockKind::alone};
        ::kill(::getpid(), SIGKILL);
    }
    ::waitpid(pid, nullptr, 0);
    REQUIRE(std::filesystem::exists(output + ".parts/lock"));
    CHECK_NOTHROW(OutputLock{output, LockKind::alone});
}

TEST_CASE("a result that has just been finished can be locked anew", "[sweep]") {
    Folder const folder;
    auto const output = folder.file("a.h5");
    auto const first = std::make_unique<OutputLock>(output, LockKind::alone);
    std::filesystem::remove_all(output + ".parts"); // as a sweep does at its end
    OutputLock const second{output, LockKind::alone};
    CHECK(std::filesystem::exists(output + ".parts/lock"));
}
