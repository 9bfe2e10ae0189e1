#pragma once
#include "io/toml.hpp"
#include "timing/kernel.hpp"
#include "timing/profile.hpp"

#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <vector>

namespace moesaic::timing {

/// A shape in a rule: products and quotients of numbers, dimensions ("i0.1": of input 0 the second; "o0.-1": of output 0
/// the last; "i0.*": all of input 0 multiplied) and groups of the kernel's pattern ("$1").
struct ShapeRule {
    std::string op;
    std::int64_t calls = 1; ///< so many kernels in a row make one operation: as long as any of them runs
    std::string m, n, k, batch;
    std::string extra; ///< the column, with such shapes in braces: "h={i0.1};causal=1"
};

/// What a rule asks of the inputs and outputs of the operation, as texts: "c10::Half;float" and "4096,7168;7168,2112".
struct ArrayPatterns {
    std::optional<std::regex> input_types, input_shapes, output_shapes;
    [[nodiscard]] bool any() const { return input_types || input_shapes || output_shapes; }
};

/// Which operations of the tables profiled kernels are.
struct KernelRule {
    ArrayPatterns arrays;
    std::string name;
    std::string dtype;    ///< empty = from the type of `type_of`
    int type_of = 0;      ///< index of an input
    std::string ignore;   ///< why its time counts as none of an operation's
    std::string unmapped; ///< why it is none of the tables' operations although it looks like one
    std::string
        adds_to; ///< name of the rule whose operations its time belongs to, in the same run of the phase
    bool of_operation = false; ///< names what launched its kernels: those of one call make one operation
    /// Kernels of a run of the phase are these, one after the other. Empty where ignored or added to another.
    std::vector<ShapeRule> in_turn;
    [[nodiscard]] bool is_ordered() const;
};

/// A rule that fits a kernel, with the groups of its pattern ("$0" the whole match).
struct RuleMatch {
    KernelRule const* rule = nullptr;
    std::vector<std::string> groups;
    std::size_t outwards = 0; ///< 0 = fits what launched it, else the operation so many further out
};

/// Rules in their order; the first that fits is taken.
class KernelRules {
  public:
    KernelRules();
    ~KernelRules();
    KernelRules(KernelRules&&) noexcept;
    KernelRules& operator=(KernelRules&&) noexcept;
    /// Rules of a file ([[rule]]), behind those read before.
    /// @throws InputError for an unknown key or operation, a pattern or a shape that is none, or adds_to without such a
    /// name
    void read(std::string const& path);
    void read(io::TomlTable const& file);
    /// Rules that fit the kernel's names, in the order in which they are tried, up to the first that asks nothing of the
    /// arrays: those of the innermost operation around the kernel come first.
    [[nodiscard]] std::vector<RuleMatch> find_by_names(TracedKernel const& kernel) const;

  private:
    [[nodiscard]] bool add_by_names(TracedKernel const& kernel, std::size_t outwards,
                                    std::vector<RuleMatch>& found) const;
    struct Pattern;
    std::vector<std::unique_ptr<Pattern>> patterns_;
};

/// The first of them whose patterns for arrays fit too; null where none does.
[[nodiscard]] RuleMatch const* first_fitting(std::vector<RuleMatch> const& by_names,
                                             TracedKernel const& kernel);

/// Number format of the tables, for the name of an element type in PyTorch, Chakra or CANN; empty for all others.
[[nodiscard]] std::string dtype_of_element(std::string_view type);

/// The kernel that the rule makes of it; a text that says what is missing where it cannot.
struct ShapedKernel {
    std::optional<Kernel> kernel;
    std::string extra;
    std::string problem;
};
[[nodiscard]] ShapedKernel apply(RuleMatch const& match, ShapeRule const& shape, TracedKernel const& traced);

} // namespace moesaic::timing
