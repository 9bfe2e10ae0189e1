#include "engine/compiled.hpp"

#include "base/errors.hpp"
#include "engine/rank_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace moesaic::engine {

using parallel::Collective;
using parallel::Program;
using parallel::RankClass;

namespace {

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

std::set<int> used_blocks(RankClass const& rank_class) {
    std::set<int> used;
    for (auto const& item : rank_class.schedule) {
        used.insert(item.block);
    }
    return used;
}

/// Numbers the meetings: of a class's cells in one group, or of all cells with one rendezvous.
class Meetings {
  public:
    Meetings(Program const& program, Folding const& folding, hardware::Topology const& topology)
        : folding_{folding}, topology_{topology} {
        for (std::size_t c = 0; c < program.classes.size(); ++c) {
            std::set<int> of_class;
            for (auto const block : used_blocks(program.classes[c])) {
                for (auto const& op : program.classes[c].blocks.at(block).ops) {
                    auto const* collective = std::get_if<Collective>(&op.work);
                    if (collective != nullptr && collective->rendezvous >= 0) {
                        of_class.insert(collective->rendezvous);
                    }
                }
            }
            for (auto const rendezvous : of_class) {
                parties_of_rendezvous_[rendezvous] += static_cast<int>(folding.of_class[c].size());
            }
        }
    }

    /// -1 where the cell needs no other.
    int of(Collective const& collective, parallel::Stream stream, RankClass const& rank_class, int cell) {
        auto const stream_number = static_cast<int>(stream);
        if (collective.rendezvous >= 0) {
            return number({-1, stream_number, collective.rendezvous, 0, 0, 0},
                          parties_of_rendezvous_.at(collective.rendezvous));
        }
        auto const& shape = collective.group;
        auto const [known, is_new] = of_cell_.try_emplace(
            {cell, stream_number, 0, shape.first.index(), shape.stride, shape.count}, -1);
        if (is_new) {
            known->second = of_group(collective, stream_number, rank_class, cell);
        }
        return known->second;
    }
    [[nodiscard]] std::vector<int> take_parties() { return std::move(parties_); }

  private:
    using Key = std::tuple<int, int, int, std::int64_t, std::int64_t, std::int64_t>;

    int of_group(Collective const& collective, int stream_number, RankClass const& rank_class, int cell) {
        auto const& own = folding_.cells[cell];
        auto const group = group_of(own.representative, collective.group, rank_class.members, topology_);
        std::set<int> cells;
        for (std::int64_t i = 0; i < group.count; ++i) {
            auto const rank = member(group, i);
            if (holds(rank_class.members, rank)) {
                cells.insert(folding_.of_chip[rank.index()]);
            }
        }
        if (cells.size() < 2) {
            return -1;
        }
        auto const& shape = collective.group;
        return number(
            {own.rank_class, stream_number, *cells.begin(), shape.first.index(), shape.stride, shape.count},
            static_cast<int>(cells.size()));
    }

    int number(Key const& key, int parties) {
        auto const [at, is_new] = numbers_.try_emplace(key, static_cast<int>(parties_.size()));
        if (is_new) {
            parties_.push_back(parties);
        }
        return at->second;
    }

    Folding const& folding_;
    hardware::Topology const& topology_;
    std::map<int, int> parties_of_rendezvous_;
    std::map<Key, int> numbers_;
    std::map<Key, int> of_cell_; ///< answers given
    std::vector<int> parties_;
};

std::vector<CellUnit> units_of_cell(parallel::Block const& block, CompiledBlock const& compiled, int cell,
                                    std::pair<Meetings*, Transfers*> into) {
    std::vector<CellUnit> out;
    for (auto const& unit : compiled.units) {
        auto const* collective = collective_of(block, unit);
        CellUnit own;
        if (collective != nullptr) {
            own.transfer = into.second->add(*collective, cell);
            own.meeting = into.first->of(*collective, unit.stream, into.second->class_of(cell), cell);
        }
        out.push_back(own);
    }
    return out;
}

void compile_blocks(Program const& program, Folding const& folding, Meetings& meetings, Transfers& transfers,
                    CompiledProgram& out) {
    for (std::size_t c = 0; c < program.classes.size(); ++c) {
        auto const& rank_class = program.classes[c];
        auto& blocks = out.blocks.emplace_back(rank_class.blocks.size());
        auto const used = used_blocks(rank_class);
        for (auto const block : used) {
            blocks.at(block).units = units_of(rank_class.blocks[block]);
            blocks[block].starts_early = std::ranges::any_of(blocks[block].units, &Unit::early);
            blocks[block].blocking = static_cast<int>(
                std::ranges::count_if(blocks[block].units, [](Unit const& unit) { return !unit.detached; }));
        }
        for (auto const cell : folding.of_class[c]) {
            auto& own = out.cell_units.emplace_back(rank_class.blocks.size());
            for (auto const block : used) {
                own[block] =
                    units_of_cell(rank_class.blocks[block], blocks[block], cell, {&meetings, &transfers});
            }
        }
    }
}

/// Which cells of the receiving class the ranks of a cell send to, and how many ranks of each one rank sends to.
std::map<int, std::int64_t> receivers_of_cell(Cell const& cell, parallel::RankSet const& from,
                                              parallel::RankSet const& to, int groups,
                                              Folding const& folding) {
    std::map<int, std::int64_t> receivers;
    auto const of_one =
        receivers_of(static_cast<std::int64_t>(place_in(from, cell.representative)), from, to, groups);
    for (std::int64_t j = 0; j < of_one.count; ++j) {
        ++receivers[folding.of_chip[member(to, of_one.first + j).index()]];
    }
    return receivers;
}

MessageRoute make_route(parallel::Message const& message, Program const& program, Folding const& folding,
                        Transfers& transfers) {
    auto const& from = program.classes.at(message.from.index()).members;
    auto const& to = program.classes.at(message.to.index()).members;
    auto const first_receiver = folding.first_of(static_cast<int>(message.to.index()));
    MessageRoute route;
    route.expected.assign(folding.of_class[message.to.index()].size(), 0);
    for (auto const sender : folding.of_class[message.from.index()]) {
        auto& deliveries = route.from.emplace_back();
        auto const receivers = receivers_of_cell(folding.cells[sender], from, to, message.groups, folding);
        std::int64_t ranks = 0;
        for (auto const& [receiver, count] : receivers) {
            ranks += count;
        }
        for (auto const& [receiver, count] : receivers) {
            auto const part = static_cast<double>(count) / static_cast<double>(ranks);
            deliveries.push_back({receiver - first_receiver, transfers.add(message, sender, receiver, part)});
            ++route.expected[receiver - first_receiver];
        }
    }
    return route;
}

void compile_messages(Program const& program, Folding const& folding, Transfers& transfers,
                      CompiledProgram& out) {
    std::map<std::tuple<ClassId, ClassId, double, ChipIndex, ChipIndex, int>, int> known;
    for (auto const& message : program.messages) {
        auto const [at, is_new] = known.try_emplace({message.from, message.to, message.bytes.value(),
                                                     message.source, message.destination, message.groups},
                                                    static_cast<int>(out.routes.size()));
        if (is_new) {
            out.routes.push_back(make_route(message, program, folding, transfers));
        }
        out.route_of.push_back(at->second);
    }
}

} // namespace

CompiledProgram compile(Program const& program, Folding const& folding, hardware::Topology const& topology,
                        Transfers& transfers) {
    check_messages(program);
    CompiledProgram out;
    Meetings meetings{program, folding, topology};
    compile_blocks(program, folding, meetings, transfers, out);
    out.parties = meetings.take_parties();
    compile_messages(program, folding, transfers, out);
    return out;
}

} // namespace moesaic::engine
