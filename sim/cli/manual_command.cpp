#include "cli/command.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string>
#include <vector>

namespace moesaic::cli {

namespace {

/// Commands inside, in the order of the help; hidden ones left out.
std::vector<CLI::App const*> commands_of(CLI::App const& app) {
    return app.get_subcommands([](CLI::App const* command) { return !command->get_group().empty(); });
}

std::vector<CLI::Option const*> options_of(CLI::App const& app) {
    return app.get_options([](CLI::Option const* option) { return !option->get_group().empty(); });
}

/// "-o", "--output".
std::vector<std::string> flags_of(CLI::Option const& option) {
    std::vector<std::string> out;
    for (auto const& name : option.get_snames()) {
        out.push_back("-" + name);
    }
    for (auto const& name : option.get_lnames()) {
        out.push_back("--" + name);
    }
    return out;
}

/// What may follow the words of a command so far, as one line of a case statement, and of those inside.
std::string completion_cases(CLI::App const& app, std::string const& words) {
    std::vector<std::string> next;
    for (auto const* command : commands_of(app)) {
        next.push_back(command->get_name());
    }
    for (auto const* option : options_of(app)) {
        std::ranges::copy(flags_of(*option), std::back_inserter(next));
    }
    auto out = fmt::format("        \"{}\") next=\"{}\" ;;\n", words, fmt::join(next, " "));
    for (auto const* command : commands_of(app)) {
        auto const inside = words.empty() ? command->get_name() : words + " " + command->get_name();
        out += completion_cases(*command, inside);
    }
    return out;
}

/// A script for bash: commands and options by where one stands, else files.
std::string completion(CLI::App const& app) {
    std::string names;
    for (auto const* command : commands_of(app)) {
        names += " " + command->get_name();
        for (auto const* inside : commands_of(*command)) {
            names += fmt::format(" '{} {}'", command->get_name(), inside->get_name());
        }
    }
    return fmt::format(R"(# Completion of moesaic for bash, made by `moesaic completion`.
_moesaic() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} at="" known next i
    for ((i = 1; i < COMP_CWORD; ++i)); do
        for known in{names}; do
            [[ "$known" == "${{at:+$at }}${{COMP_WORDS[i]}}" ]] && at=$known && break
        done
    done
    case "$at" in
{cases}    esac
    COMPREPLY=()
    while IFS= read -r i; do COMPREPLY+=("$i"); done < <(compgen -W "$next" -- "$word")
}}
complete -o default -F _moesaic moesaic
)",
                       fmt::arg("names", names), fmt::arg("cases", completion_cases(app, "")));
}

/// For troff: no character is a command.
std::string escaped(std::string const& text) {
    std::string out;
    for (char const c : text) {
        if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";
        } else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
            out += "\\&";
            out += c;
        } else {
            out += c;
        }
    }
    return out;
}

std::string manual_options(CLI::App const& app) {
    std::string out;
    for (auto const* option : options_of(app)) {
        auto const flags = flags_of(*option);
        auto const name = flags.empty() ? option->get_name(true) : fmt::format("{}", fmt::join(flags, ", "));
        auto const value = option->get_items_expected_max() > 0 && !flags.empty()
                               ? fmt::format(" \\fI{}\\fR", escaped(option->get_type_name()))
                               : "";
        out +=
            fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", escaped(name), value, escaped(option->get_description()));
    }
    return out;
}

std::string manual_command(CLI::App const& app, std::string const& words) {
    auto out = fmt::format(".SS moesaic {}\n{}\n", escaped(words), escaped(app.get_description()));
    out += manual_options(app);
    if (auto const footer = app.get_footer(); !footer.empty()) {
        out += fmt::format(".PP\n.nf\n{}\n.fi\n", escaped(footer));
    }
    for (auto const* command : commands_of(app)) {
        out += manual_command(*command, words + " " + command->get_name());
    }
    return out;
}

/// A page for man(1).
std::string manual(CLI::App const& app) {
    auto out = fmt::format(".TH MOESAIC 1 \"\" \"MoEsaic {}\"\n", MOESAIC_VERSION);
    out += ".SH NAME\nmoesaic \\- simulate the training of mixture\\-of\\-experts models\n";
    out += ".SH SYNOPSIS\n\\fBmoesaic\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n";
    out += fmt::format(".SH DESCRIPTION\n{}\n.SH COMMANDS\n", escaped(app.get_description()));
    for (auto const* command : commands_of(app)) {
        out += manual_command(*command, command->get_name());
    }
    return out + R"(.SH ENVIRONMENT
.TP
MOESAIC_DATA
The folder that holds platforms/ and scenarios/, instead of the installed one.
.TP
MOESAIC_CACHE
Where finished points of sweeps are kept.
.SH EXIT STATUS
0: done. 1: done, but some points failed. 2: the input is wrong. 3: a mistake in MoEsaic.
)";
}

} // namespace

void add_manual_commands(CLI::App& app, Outcome&) {
    auto* page = app.add_subcommand("manual", "Print the manual page of all commands, for man");
    page->footer("Example: moesaic manual > moesaic.1 && man ./moesaic.1");
    page->callback([&app] { fmt::print("{}", manual(app)); });
    auto* script = app.add_subcommand("completion", "Print the completion of commands and options, for bash");
    script->footer("Example: source <(moesaic completion)");
    script->callback([&app] { fmt::print("{}", completion(app)); });
}

} // namespace moesaic::cli
