#include "engine/compiled.hpp"

#include "base/errors.hpp"

#include <fmt/format.h>

#include <set>

namespace moesaic::engine {

using parallel::Program;
using parallel::RankClass;

namespace {

CompiledBlock compile_block(parallel::Block const& block, RankClass const& rank_class, int class_index,
                            Transfers& transfers) {
    CompiledBlock compiled{units_of(block), {}, 0};
    for (auto const& unit : compiled.units) {
        auto const* collective = collective_of(block, unit);
        compiled.transfers.push_back(
            collective == nullptr ? -1 : transfers.add(*collective, rank_class, class_index));
        compiled.blocking += unit.detached ? 0 : 1;
        compiled.starts_early = compiled.starts_early || unit.early;
    }
    return compiled;
}

/// Each message is sent once by its `from` and received once by its `to`.
void check_messages(Program const& program) {
    std::vector<int> sent(program.messages.size(), 0);
    std::vector<int> received(program.messages.size(), 0);
    for (std::size_t c = 0; c < program.classes.size(); ++c) {
        ClassId const id{static_cast<std::int64_t>(c)};
        for (auto const& item : program.classes[c].schedule) {
            for (auto const message : item.sends) {
                expects(program.messages.at(message).from == id, "a class sends its own messages");
                ++sent[message];
            }
            for (auto const message : item.receives) {
                expects(program.messages.at(message).to == id, "a class receives its own messages");
                ++received[message];
            }
        }
    }
    for (std::size_t m = 0; m < sent.size(); ++m) {
        auto const& message = program.messages[m];
        expects(sent[m] == 1 && received[m] == 1,
                fmt::format("message {} from {} to {} is sent and received once", m,
                            program.classes.at(message.from.index()).name,
                            program.classes.at(message.to.index()).name));
    }
}

} // namespace

CompiledProgram compile(Program const& program, Transfers& transfers) {
    check_messages(program);
    CompiledProgram compiled;
    for (std::size_t c = 0; c < program.classes.size(); ++c) {
        auto const& rank_class = program.classes[c];
        std::set<int> used;
        for (auto const& item : rank_class.schedule) {
            used.insert(item.block);
        }
        auto& blocks = compiled.classes.emplace_back(rank_class.blocks.size());
        for (auto const block : used) {
            blocks.at(block) =
                compile_block(rank_class.blocks.at(block), rank_class, static_cast<int>(c), transfers);
        }
    }
    for (auto const& message : program.messages) {
        compiled.messages.push_back(transfers.add(message, program));
    }
    return compiled;
}

} // namespace moesaic::engine
