#include "engine/folding.hpp"

#include "base/errors.hpp"
#include "engine/rank_set.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace moesaic::engine {

using hardware::Topology;
using parallel::Program;
using parallel::RankClass;
using parallel::RankSet;

namespace {

using Colours = std::vector<int>; ///< per chip; -1 = not of the program

/// What a rank can be told by, as numbers.
using Signature = std::vector<int>;

/// The groups of one rank: the same for all collectives that have them.
using Shape = std::tuple<std::int64_t, std::int64_t, std::int64_t>;

std::vector<RankSet> shapes_of(RankClass const& rank_class) {
    std::map<Shape, RankSet> shapes;
    for (auto const& block : rank_class.blocks) {
        for (auto const& op : block.ops) {
            if (auto const* collective = std::get_if<parallel::Collective>(&op.work)) {
                auto const& group = collective->group;
                shapes.try_emplace({group.first.index(), group.stride, group.count}, group);
            }
        }
    }
    std::vector<RankSet> out;
    for (auto const& [shape, group] : shapes) {
        out.push_back(group);
    }
    return out;
}

/// Two classes that exchange messages, once for all their messages alike.
struct Talk {
    std::int64_t from = 0;
    std::int64_t to = 0;
    int groups = 0;
    friend auto operator<=>(Talk const&, Talk const&) = default;
};

std::set<Talk> talks_of(Program const& program) {
    std::set<Talk> talks;
    for (auto const& message : program.messages) {
        talks.insert({message.from.index(), message.to.index(), message.groups});
    }
    return talks;
}

/// Group number `g` of so many.
RankSet part_of(RankSet const& ranks, std::int64_t g, int groups) {
    auto const each = ranks.count / groups;
    return {member(ranks, g * each), ranks.stride, each};
}

class Refinement {
  public:
    Refinement(Program const& program, Topology const& topology) : program_{program}, topology_{topology} {
        for (auto const& rank_class : program.classes) {
            shapes_.push_back(shapes_of(rank_class));
        }
        talks_ = talks_of(program);
        for (std::size_t link = 0; link < topology.links(); ++link) {
            LinkId const id{static_cast<std::int64_t>(link)};
            // ways in lie beside ways out
            if (topology.link(id).direction == hardware::Direction::outward &&
                topology.chips_behind(id).size() > 1) {
                shared_links_.push_back(id);
            }
        }
    }

    /// @param colours of the ranks before; every rank keeps what told it from others
    [[nodiscard]] Colours step(Colours const& colours) const {
        std::vector<Signature> signatures(colours.size());
        for (std::size_t chip = 0; chip < colours.size(); ++chip) {
            signatures[chip] = {colours[chip]};
        }
        for (std::size_t c = 0; c < program_.classes.size(); ++c) {
            for (auto const& shape :
                 shapes_[c]) { // every rank of a class has a group of each shape, or none has
                add_groups(program_.classes[c].members, shape, colours, signatures);
            }
        }
        for (auto const& talk : talks_) {
            auto const& from = program_.classes[talk.from].members;
            auto const& to = program_.classes[talk.to].members;
            if (talk.groups > 0) {
                add_group_partners(from, to, talk.groups, colours, signatures);
                add_group_partners(to, from, talk.groups, colours, signatures);
            } else {
                add_partners(from, to, colours, signatures);
            }
        }
        add_shared_links(colours, signatures);
        std::map<Signature, int> numbers;
        Colours next(colours.size(), -1);
        for (std::size_t chip = 0; chip < colours.size(); ++chip) {
            if (colours[chip] >= 0) {
                next[chip] =
                    numbers.try_emplace(signatures[chip], static_cast<int>(numbers.size())).first->second;
            }
        }
        return next;
    }

  private:
    void add_groups(RankSet const& members, RankSet const& shape, Colours const& colours,
                    std::vector<Signature>& signatures) const {
        std::vector<bool> known(colours.size(), false);
        std::map<Signature, int> numbers; // of groups that look alike
        for (std::int64_t i = 0; i < members.count; ++i) {
            auto const rank = member(members, i);
            auto const group = group_of(rank, shape, members, topology_);
            if (known[rank.index()]) {
                continue;
            }
            Signature of_group;
            for (std::int64_t j = 0; j < group.count; ++j) {
                of_group.push_back(colours[member(group, j).index()]);
            }
            std::ranges::sort(of_group);
            auto const number = numbers.try_emplace(of_group, static_cast<int>(numbers.size())).first->second;
            for (std::int64_t j = 0; j < group.count; ++j) {
                auto const other = member(group, j);
                if (holds(members, other)) {
                    known[other.index()] = true;
                    signatures[other.index()].push_back(number);
                }
            }
        }
    }
    /// Ranks that share a link see who else does.
    void add_shared_links(Colours const& colours, std::vector<Signature>& signatures) const {
        std::map<std::pair<double, Signature>, int> numbers;
        for (auto const link : shared_links_) {
            Signature behind;
            for (auto const chip : topology_.chips_behind(link)) {
                behind.push_back(colours[chip.index()]);
            }
            std::ranges::sort(behind);
            auto const bandwidth = topology_.link(link).bandwidth.value();
            auto const number =
                numbers.try_emplace({bandwidth, std::move(behind)}, static_cast<int>(numbers.size()))
                    .first->second;
            for (auto const chip : topology_.chips_behind(link)) {
                signatures[chip.index()].push_back(number);
            }
        }
    }
    static void add_partners(RankSet const& from, RankSet const& to, Colours const& colours,
                             std::vector<Signature>& signatures) {
        for (std::int64_t i = 0; i < from.count; ++i) {
            auto const sender = member(from, i).index();
            auto const receivers = receivers_of(i, from, to);
            for (std::int64_t j = 0; j < receivers.count; ++j) {
                auto const receiver = member(to, receivers.first + j).index();
                signatures[sender].push_back(colours[receiver]);
                signatures[receiver].push_back(colours[sender]);
            }
        }
    }

    /// Ranks that send to a whole group see what it is made of.
    static void add_group_partners(RankSet const& from, RankSet const& to, int groups, Colours const& colours,
                                   std::vector<Signature>& signatures) {
        std::map<Signature, int> numbers; // of groups that look alike
        for (std::int64_t g = 0; g < groups; ++g) {
            auto const partners = part_of(to, g, groups);
            Signature seen;
            for (std::int64_t j = 0; j < partners.count; ++j) {
                seen.push_back(colours[member(partners, j).index()]);
            }
            std::ranges::sort(seen);
            auto const number =
                numbers.try_emplace(std::move(seen), static_cast<int>(numbers.size())).first->second;
            auto const own = part_of(from, g, groups);
            for (std::int64_t i = 0; i < own.count; ++i) {
                signatures[member(own, i).index()].push_back(number);
            }
        }
    }

    Program const& program_;
    Topology const& topology_;
    std::vector<std::vector<RankSet>> shapes_;
    std::vector<LinkId> shared_links_;
    std::set<Talk> talks_;
};

int count_colours(Colours const& colours) { return *std::ranges::max_element(colours) + 1; }

/// Per chip, the perturbations that touch it.
std::vector<Signature> marks_of(Topology const& topology, Perturbations const& perturbations) {
    std::vector<Signature> marks(topology.chips());
    for (std::size_t i = 0; i < perturbations.stragglers.size(); ++i) {
        marks.at(perturbations.stragglers[i].chip.index()).push_back(static_cast<int>(i));
    }
    auto const stragglers = static_cast<int>(perturbations.stragglers.size());
    for (std::size_t i = 0; i < perturbations.slow_links.size(); ++i) {
        for (auto const chip : topology.chips_behind(perturbations.slow_links[i].link)) {
            marks[chip.index()].push_back(stragglers + static_cast<int>(i));
        }
    }
    return marks;
}

/// The collectives of a class that differ in pattern or group: their traffic tells ranks apart.
std::vector<parallel::Collective> unlike_collectives(RankClass const& rank_class) {
    std::map<std::pair<Pattern, Shape>, parallel::Collective> unlike;
    for (auto const& block : rank_class.blocks) {
        for (auto const& op : block.ops) {
            auto const* collective = std::get_if<parallel::Collective>(&op.work);
            if (collective != nullptr && collective->group.count > 1) {
                auto const& group = collective->group;
                unlike.try_emplace(
                    {pattern_of(*collective), {group.first.index(), group.stride, group.count}}, *collective);
            }
        }
    }
    std::vector<parallel::Collective> out;
    for (auto const& [key, collective] : unlike) {
        out.push_back(collective);
    }
    return out;
}

/// How many ranks of a group a rank exchanges messages with, by how far away they are. Between pools all are as far.
void add_reach(ChipIndex rank, RankSet const& partners, Topology const& topology,
               std::vector<double>& reach) {
    if (topology.pool_of(rank) == topology.pool_of(partners.first)) {
        PerTier peers{};
        for (std::int64_t i = 0; i < partners.count; ++i) {
            ++peers[static_cast<int>(topology.tier(rank, member(partners, i)))];
        }
        reach.insert(reach.end(), peers.begin(), peers.end());
    }
}

/// Of rank number `i` of a class, over all groups that it sends to or hears from.
void add_message_reach(std::set<Talk> const& talks, Program const& program, std::int64_t rank_class,
                       std::int64_t i, std::pair<Topology const&, std::vector<double>&> into) {
    for (auto const& talk : talks) {
        auto const& from = program.classes[talk.from].members;
        auto const& to = program.classes[talk.to].members;
        auto const add = [&](RankSet const& own, RankSet const& other) {
            auto const group = i / (own.count / talk.groups);
            add_reach(member(own, i), part_of(other, group, talk.groups), into.first, into.second);
        };
        if (talk.groups > 0 && talk.from == rank_class) {
            add(from, to);
        }
        if (talk.groups > 0 && talk.to == rank_class) {
            add(to, from);
        }
    }
}

/// Ranks differ by class, by the perturbations that touch them and by how far their traffic goes.
Colours first_colours(FoldContext const& context, Perturbations const& perturbations) {
    using Mark = std::tuple<int, Signature, std::vector<double>>;
    auto const marks = marks_of(context.topology, perturbations);
    auto const talks = talks_of(context.program);
    Colours colours(context.topology.chips(), -1);
    std::map<Mark, int> numbers;
    for (std::size_t c = 0; c < context.program.classes.size(); ++c) {
        auto const& rank_class = context.program.classes[c];
        auto const unlike = unlike_collectives(rank_class);
        for (std::int64_t i = 0; i < rank_class.members.count; ++i) {
            auto const rank = member(rank_class.members, i);
            expects(colours.at(rank.index()) < 0, "a rank belongs to one class: " + rank_class.name);
            std::vector<double> reach;
            for (auto const& collective : unlike) {
                auto const& bound = context.traffic.of(collective, static_cast<int>(c)).of(rank).bound;
                reach.insert(reach.end(), bound.begin(), bound.end());
            }
            add_message_reach(talks, context.program, static_cast<std::int64_t>(c), i,
                              {context.topology, reach});
            Mark mark{static_cast<int>(c), marks[rank.index()], std::move(reach)};
            colours[rank.index()] =
                numbers.try_emplace(std::move(mark), static_cast<int>(numbers.size())).first->second;
        }
    }
    return colours;
}

Colours refine(Program const& program, Topology const& topology, Colours colours) {
    Refinement const refinement{program, topology};
    for (auto before = 0, now = count_colours(colours); now > before;) {
        before = now;
        colours = refinement.step(colours);
        now = count_colours(colours);
    }
    return colours;
}

double slowdown_of(ChipIndex chip, Perturbations const& perturbations) {
    auto slowdown = 1.0;
    for (auto const& straggler : perturbations.stragglers) {
        slowdown *= straggler.chip == chip ? straggler.slowdown : 1.0;
    }
    return slowdown;
}

Folding cells_of(Program const& program, Colours const& colours, Perturbations const& perturbations) {
    Folding folding;
    folding.of_chip.assign(colours.size(), -1);
    for (std::size_t c = 0; c < program.classes.size(); ++c) {
        auto const& rank_class = program.classes[c];
        std::map<int, int> cell_of_colour;
        folding.of_class.emplace_back();
        for (std::int64_t i = 0; i < rank_class.members.count; ++i) {
            auto const rank = member(rank_class.members, i);
            auto const [at, is_new] =
                cell_of_colour.try_emplace(colours[rank.index()], static_cast<int>(folding.cells.size()));
            if (is_new) {
                folding.cells.push_back({static_cast<int>(c), rank, {}, slowdown_of(rank, perturbations)});
                folding.of_class.back().push_back(at->second);
            }
            auto& cell = folding.cells[at->second];
            cell.ranks.push_back(rank);
            if (rank == rank_class.representative) {
                cell.representative = rank;
            }
            folding.of_chip[rank.index()] = at->second;
        }
    }
    return folding;
}

} // namespace

Receivers receivers_of(std::int64_t i, RankSet const& from, RankSet const& to, int groups) {
    if (groups > 0) {
        auto const group = i / (from.count / groups);
        return {group * (to.count / groups), to.count / groups};
    }
    auto const first = i * to.count / from.count;
    auto const end = (i + 1) * to.count / from.count;
    return {first, std::max<std::int64_t>(1, end - first)};
}

Folding fold(FoldContext const& context, Fold how, Perturbations const& perturbations) {
    auto const& program = context.program;
    auto colours = first_colours(context, perturbations);
    if (how == Fold::none) {
        for (std::size_t chip = 0; chip < colours.size(); ++chip) {
            colours[chip] = colours[chip] < 0 ? -1 : static_cast<int>(chip);
        }
    } else {
        colours = refine(program, context.topology, std::move(colours));
    }
    return cells_of(program, colours, perturbations);
}

} // namespace moesaic::engine
